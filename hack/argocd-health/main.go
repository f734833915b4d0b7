// argocd-health prints what a health check in Lua makes of an object, in the Lua that Argo CD has: Healthy, Progressing,
// Degraded, Suspended, and why.
//
// usage: kubectl get clusterpropagation NAME -o json | go run . CHECK.lua
package main

import (
	"encoding/json"
	"fmt"
	"os"

	lua "github.com/yuin/gopher-lua"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "argocd-health: one object as JSON on stdin, and the file of a check:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("wanted one argument, got %d", len(os.Args)-1)
	}
	var object any
	if err := json.NewDecoder(os.Stdin).Decode(&object); err != nil {
		return err
	}
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	// Those that Argo CD lets a check have; no files, no processes.
	for name, open := range map[string]lua.LGFunction{"": lua.OpenBase, lua.TabLibName: lua.OpenTable, lua.StringLibName: lua.OpenString} {
		state.Push(state.NewFunction(open))
		state.Push(lua.LString(name))
		state.Call(1, 0)
	}
	state.SetGlobal("obj", valueOf(state, object))
	if err := state.DoFile(os.Args[1]); err != nil {
		return err
	}
	health, isTable := state.Get(-1).(*lua.LTable)
	if !isTable {
		return fmt.Errorf("the check returned %s", state.Get(-1).Type())
	}
	fmt.Printf("%s %s\n", health.RawGetString("status"), health.RawGetString("message"))
	return nil
}

func valueOf(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case map[string]any:
		table := state.NewTable()
		for key, inner := range value {
			table.RawSetString(key, valueOf(state, inner))
		}
		return table
	case []any:
		table := state.NewTable()
		for _, inner := range value {
			table.Append(valueOf(state, inner))
		}
		return table
	case string:
		return lua.LString(value)
	case float64:
		return lua.LNumber(value)
	case bool:
		return lua.LBool(value)
	default:
		return lua.LNil
	}
}
