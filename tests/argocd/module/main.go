// Runs a Lua script the way Argo CD 3.5 runs a resource customization
// (util/lua/lua.go there): the same interpreter, the same few libraries, the
// same way from JSON and back. That package itself can't be imported: it needs
// modules that are only in Argo CD's own tree.
//
//	argocd-lua SCRIPT <objects
//
// Objects are JSON, one after the other; each is the global obj of a run of
// its own. Prints what each run returns, one line of JSON each.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

func main() {
	if err := runAll(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runAll(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: argocd-lua SCRIPT <objects")
	}
	script, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	objects, results := json.NewDecoder(in), json.NewEncoder(out)
	for number := 1; ; number++ {
		var object map[string]any
		if err := objects.Decode(&object); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("object %d: %w", number, err)
		}
		result, err := run(string(script), object)
		if err != nil {
			return fmt.Errorf("object %d: %w", number, err)
		}
		if err := results.Encode(result); err != nil {
			return err
		}
	}
}

// run gives the table that the script returns. Argo CD takes nothing else.
func run(script string, object map[string]any) (any, error) {
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
	} {
		call := lua.P{Fn: l.NewFunction(library.open), Protect: true}
		if err := l.CallByParam(call, lua.LString(library.name)); err != nil {
			return nil, err
		}
	}
	l.PreloadModule(lua.OsLibName, func(l *lua.LState) int { // reached with require("os") only
		l.Push(l.SetFuncs(l.NewTable(), safeOs()))
		return 1
	})

	ctx, cancel := context.WithTimeout(context.Background(), time.Second) // Argo CD's limit
	defer cancel()
	l.SetContext(ctx)
	l.SetGlobal("obj", toLua(l, object))
	if err := l.DoString(script); err != nil {
		return nil, err
	}
	table, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		return nil, fmt.Errorf("expect table output from Lua script, not %s", l.Get(-1).Type())
	}
	encoded, err := luajson.Encode(table)
	if err != nil {
		return nil, err
	}
	var result any
	if err := json.Unmarshal(encoded, &result); err != nil {
		return nil, err
	}
	return keepEmptyObjects(result, object), nil
}

// safeOs is gopher-lua's os library less everything but time and date, taken
// from an interpreter that has all of it.
func safeOs() map[string]lua.LGFunction {
	whole := lua.NewState()
	defer whole.Close()
	library := whole.GetGlobal(lua.OsLibName).(*lua.LTable)
	safe := map[string]lua.LGFunction{}
	for _, name := range []string{"time", "date"} {
		safe[name] = library.RawGetString(name).(*lua.LFunction).GFunction
	}
	return safe
}

func toLua(l *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case float64:
		return lua.LNumber(value)
	case string:
		return lua.LString(value)
	case []any:
		table := l.CreateTable(len(value), 0)
		for _, item := range value {
			table.Append(toLua(l, item))
		}
		return table
	case map[string]any:
		table := l.CreateTable(0, len(value))
		for key, item := range value {
			table.RawSetString(key, toLua(l, item))
		}
		return table
	}
	return lua.LNil
}

// keepEmptyObjects undoes what Lua does to an empty object: it comes back as an
// empty list. Argo CD restores those that the object had before.
func keepEmptyObjects(result, before any) any {
	switch result := result.(type) {
	case map[string]any:
		if before, ok := before.(map[string]any); ok {
			for key, value := range result {
				result[key] = keepEmptyObjects(value, before[key])
			}
		}
	case []any:
		switch before := before.(type) {
		case map[string]any:
			if len(result) == 0 {
				return map[string]any{}
			}
		case []any:
			for i := range min(len(result), len(before)) {
				result[i] = keepEmptyObjects(result[i], before[i])
			}
		}
	}
	return result
}
