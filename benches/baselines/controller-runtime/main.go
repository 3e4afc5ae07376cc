// Baseline: the same job with controller-runtime, as its documentation shows it. Tuned: one call to Scalekit at rest,
// no reconcile for its own status, no managedFields in memory, 16 workers, no client-side limit for the API server,
// failures retried after 30 s at most, paced calls.
package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

const finalizer = "baseline.scalekit.com/controller-runtime"

type OrganizationSessionPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              struct {
		Organization struct {
			ID string `json:"id"`
		} `json:"organization"`
		Policy struct {
			PolicySource               string `json:"policySource"`
			AbsoluteSessionTimeout     *int   `json:"absoluteSessionTimeout,omitempty"`
			AbsoluteSessionTimeoutUnit string `json:"absoluteSessionTimeoutUnit,omitempty"`
			IdleSessionTimeoutEnabled  bool   `json:"idleSessionTimeoutEnabled,omitempty"`
			IdleSessionTimeout         *int   `json:"idleSessionTimeout,omitempty"`
			IdleSessionTimeoutUnit     string `json:"idleSessionTimeoutUnit,omitempty"`
		} `json:"policy"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration int64              `json:"observedGeneration,omitempty"`
		OrganizationID     string             `json:"organizationId,omitempty"`
		Conditions         []metav1.Condition `json:"conditions,omitempty"`
	} `json:"status,omitempty"`
}

func (o *OrganizationSessionPolicy) DeepCopyObject() runtime.Object {
	copied := *o
	copied.ObjectMeta = *o.ObjectMeta.DeepCopy()
	copied.Status.Conditions = append([]metav1.Condition(nil), o.Status.Conditions...)
	return &copied
}

type OrganizationSessionPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OrganizationSessionPolicy `json:"items"`
}

func (l *OrganizationSessionPolicyList) DeepCopyObject() runtime.Object {
	copied := *l
	copied.Items = make([]OrganizationSessionPolicy, len(l.Items))
	for i := range l.Items {
		copied.Items[i] = *l.Items[i].DeepCopyObject().(*OrganizationSessionPolicy)
	}
	return &copied
}

type reconciler struct {
	client.Client
	scalekit *scalekit
	interval time.Duration
}

// The complete list, with session_policy on.
func (r *reconciler) enable(ctx context.Context, id string) error {
	var read struct {
		Organization struct {
			Settings settings `json:"settings"`
		} `json:"organization"`
	}
	if err := r.scalekit.call(ctx, "GET", id, nil, &read); err != nil {
		return err
	}
	all := []feature{{"session_policy", true}}
	for _, f := range read.Organization.Settings.Features {
		if f == all[0] {
			return nil
		}
		if f.Name != "session_policy" {
			all = append(all, f)
		}
	}
	return r.scalekit.call(ctx, "PATCH", id+"/settings", settings{all}, &struct{}{})
}

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	o := &OrganizationSessionPolicy{}
	if err := r.Get(ctx, request.NamespacedName, o); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	id := o.Spec.Organization.ID
	path := id + "/session-policy"
	deleting := !o.DeletionTimestamp.IsZero()
	if deleting && !controllerutil.ContainsFinalizer(o, finalizer) {
		return ctrl.Result{}, nil
	}
	before := o.DeepCopyObject().(*OrganizationSessionPolicy)
	if !deleting && controllerutil.AddFinalizer(o, finalizer) {
		if err := r.Patch(ctx, o, client.MergeFrom(before)); err != nil {
			return ctrl.Result{}, err
		}
	}
	var live, echo enveloped
	if err := r.scalekit.call(ctx, "GET", path, nil, &live); err != nil {
		return ctrl.Result{}, err
	}
	if deleting {
		if live.Policy.Source != "APPLICATION" {
			if err := r.scalekit.call(ctx, "PATCH", path, policy{Source: "APPLICATION"}, &echo); err != nil {
				return ctrl.Result{}, err
			}
		}
		controllerutil.RemoveFinalizer(o, finalizer)
		return ctrl.Result{}, client.IgnoreNotFound(r.Patch(ctx, o, client.MergeFrom(before)))
	}
	if want := desired(o); !live.Policy.equals(want) {
		if err := r.enable(ctx, id); err != nil {
			return ctrl.Result{}, err
		}
		if err := r.scalekit.call(ctx, "PATCH", path, want, &echo); err != nil {
			return ctrl.Result{}, err
		}
		if !echo.Policy.equals(want) {
			return ctrl.Result{}, errors.New("the policy was not applied")
		}
	}
	before = o.DeepCopyObject().(*OrganizationSessionPolicy)
	ready := metav1.Condition{Type: "Ready", Status: metav1.ConditionTrue, Reason: "InSync", Message: "applied",
		ObservedGeneration: o.Generation, LastTransitionTime: metav1.Now()}
	changed := o.Status.ObservedGeneration != o.Generation || len(o.Status.Conditions) == 0
	if !changed {
		changed = o.Status.Conditions[0].Status != metav1.ConditionTrue
	} else if len(o.Status.Conditions) > 0 && o.Status.Conditions[0].Status == metav1.ConditionTrue {
		ready.LastTransitionTime = o.Status.Conditions[0].LastTransitionTime
	}
	if changed {
		o.Status.ObservedGeneration, o.Status.OrganizationID = o.Generation, id
		o.Status.Conditions = []metav1.Condition{ready}
		if err := r.Status().Patch(ctx, o, client.MergeFrom(before)); err != nil {
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
	}
	spread := 0.9 + 0.2*rand.Float64()
	return ctrl.Result{RequeueAfter: time.Duration(float64(r.interval) * spread)}, nil
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func main() {
	ctrl.SetLogger(logr.Discard())
	seconds := must(strconv.ParseFloat(os.Getenv("BASELINE_INTERVAL"), 64))
	perSecond := must(strconv.ParseFloat(os.Getenv("BASELINE_RATE"), 64))
	version := schema.GroupVersion{Group: "scalekit.com", Version: "v1alpha1"}
	scheme := runtime.NewScheme()
	scheme.AddKnownTypes(version, &OrganizationSessionPolicy{}, &OrganizationSessionPolicyList{})
	metav1.AddToGroupVersion(scheme, version)
	config := must(ctrl.GetConfig())
	config.QPS = -1
	manager := must(ctrl.NewManager(config, ctrl.Options{Scheme: scheme, Metrics: server.Options{BindAddress: "0"},
		Cache: cache.Options{DefaultTransform: cache.TransformStripManagedFields()}}))
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 16
	r := &reconciler{Client: manager.GetClient(), interval: time.Duration(seconds * float64(time.Second)),
		scalekit: &scalekit{http: http.Client{Timeout: 10 * time.Second, Transport: transport},
			turn: rate.NewLimiter(rate.Limit(perSecond), 1)}}
	failures := workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](time.Second, 30*time.Second)
	must(0, ctrl.NewControllerManagedBy(manager).
		For(&OrganizationSessionPolicy{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: 16, RateLimiter: failures}).
		Complete(r))
	must(0, manager.Start(ctrl.SetupSignalHandler()))
}
