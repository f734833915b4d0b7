// kstatus prints what kstatus (Flux, kpt, cli-utils) makes of an object: Current, InProgress, Failed, Terminating, …
//
// usage: kubectl get clusterpropagation NAME -o json | go run .
package main

import (
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

func main() {
	result, err := read(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "kstatus: one object as JSON on stdin:", err)
		os.Exit(1)
	}
	fmt.Printf("%s %s\n", result.Status, result.Message)
}

func read(input io.Reader) (*status.Result, error) {
	text, err := io.ReadAll(input)
	if err != nil {
		return nil, err
	}
	// Not encoding/json: a generation has to be an integer there.
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	return status.Compute(object)
}
