package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

type scalekit struct {
	http  http.Client
	turn  *rate.Limiter
	mutex sync.Mutex
	token string
	pause time.Time // after a 429
}

func (s *scalekit) bearer() (string, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.token != "" {
		return s.token, nil
	}
	response, err := s.http.PostForm(os.Getenv("SCALEKIT_ENVIRONMENT_URL")+"/oauth/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {os.Getenv("SCALEKIT_CLIENT_ID")},
		"client_secret": {os.Getenv("SCALEKIT_CLIENT_SECRET")}})
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var body struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil || body.Token == "" {
		return "", fmt.Errorf("no token: %s", response.Status)
	}
	s.token = body.Token
	return s.token, nil
}

// Waits as a 429 says, and gets a new token after a 401.
func (s *scalekit) call(ctx context.Context, method, path string, body, into any) error {
	var sent []byte
	if body != nil {
		sent, _ = json.Marshal(body)
	}
	for range 10 {
		token, err := s.bearer()
		if err != nil {
			return err
		}
		s.mutex.Lock()
		pause := time.Until(s.pause)
		s.mutex.Unlock()
		time.Sleep(pause)
		if err := s.turn.Wait(ctx); err != nil {
			return err
		}
		address := os.Getenv("SCALEKIT_ENVIRONMENT_URL") + "/api/v1/organizations/" + path
		request, _ := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(sent))
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Content-Type", "application/json")
		response, err := s.http.Do(request)
		if err != nil {
			return err
		}
		if response.StatusCode < 300 {
			err = json.NewDecoder(response.Body).Decode(into)
		}
		response.Body.Close()
		switch {
		case response.StatusCode == http.StatusTooManyRequests:
			after, err := strconv.Atoi(response.Header.Get("Retry-After"))
			if err != nil {
				after = 1
			}
			s.mutex.Lock()
			s.pause = time.Now().Add(time.Duration(after) * time.Second)
			s.mutex.Unlock()
		case response.StatusCode == http.StatusUnauthorized:
			s.mutex.Lock()
			s.token = ""
			s.mutex.Unlock()
		case response.StatusCode >= 300:
			return errors.New(response.Status)
		default:
			return err
		}
	}
	return errors.New("no success after ten tries")
}

type policy struct {
	Source       string `json:"policy_source"`
	Absolute     *int   `json:"absolute_session_timeout,omitempty"`
	AbsoluteUnit string `json:"absolute_session_timeout_unit,omitempty"`
	IdleEnabled  *bool  `json:"idle_session_timeout_enabled,omitempty"`
	Idle         *int   `json:"idle_session_timeout,omitempty"`
	IdleUnit     string `json:"idle_session_timeout_unit,omitempty"`
}

type enveloped struct {
	Policy policy `json:"policy"`
}

func minutes(value *int, unit string) (*int, string) {
	if value == nil {
		return nil, ""
	}
	n := *value * map[string]int{"": 1, "MINUTES": 1, "HOURS": 60, "DAYS": 1440}[unit]
	return &n, "MINUTES"
}

func desired(o *OrganizationSessionPolicy) policy {
	declared := o.Spec.Policy
	p := policy{Source: declared.PolicySource}
	p.Absolute, p.AbsoluteUnit = minutes(declared.AbsoluteSessionTimeout, declared.AbsoluteSessionTimeoutUnit)
	p.Idle, p.IdleUnit = minutes(declared.IdleSessionTimeout, declared.IdleSessionTimeoutUnit)
	if p.Absolute != nil {
		p.IdleEnabled = &declared.IdleSessionTimeoutEnabled
	}
	return p
}

func (p policy) equals(other policy) bool {
	same := func(a, b *int) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }
	on := func(p policy) bool { return p.IdleEnabled != nil && *p.IdleEnabled }
	return p.Source == other.Source && same(p.Absolute, other.Absolute) && on(p) == on(other) &&
		(!on(p) || same(p.Idle, other.Idle))
}

type feature struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
}

type settings struct {
	Features []feature `json:"features"`
}
