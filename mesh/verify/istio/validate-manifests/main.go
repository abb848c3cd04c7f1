// Validates manifests as an API server would: Kubernetes' own kinds by their Go
// types, every other kind by its CustomResourceDefinition, with Istio's
// validator, which knows unknown fields and CEL rules.
//
//	validate-manifests SCHEMA-FOLDER… < manifests.yaml
//
// Prints a line for each problem and ends with 1 where there is one.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"istio.io/istio/pkg/config/crd"
	"istio.io/istio/pkg/test/util/yml"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// Folders hold more than schemas: values files, READMEs, bundles of the same again.
func schemaFiles(folders []string) ([]string, error) {
	var files []string
	for _, folder := range folders {
		found, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
		if err != nil {
			return nil, err
		}
		for _, file := range found {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			name := filepath.Base(file)
			isSchema := strings.Contains(string(text), "kind: CustomResourceDefinition")
			if isSchema && name != "kustomization.yaml" && !strings.Contains(string(text), "{{") {
				files = append(files, file)
			}
		}
	}
	return files, nil
}

func run(folders []string, input io.Reader) ([]string, int, error) {
	files, err := schemaFiles(folders)
	if err != nil {
		return nil, 0, err
	}
	custom, err := crd.NewValidatorFromFilesWithOptions(files, crd.WithoutCRDValidation())
	if err != nil {
		return nil, 0, err
	}
	text, err := io.ReadAll(input)
	if err != nil {
		return nil, 0, err
	}
	strict := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()

	var problems []string
	count := 0
	for _, item := range yml.SplitString(string(text)) {
		if strings.TrimSpace(item) == "" {
			continue
		}
		// By way of JSON, which tells whole numbers from others as the rules do.
		text, err := yaml.YAMLToJSONStrict([]byte(item))
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(text); err != nil {
			problems = append(problems, err.Error())
			continue
		}
		count++
		name := fmt.Sprintf("%s %s/%s", object.GetKind(), object.GetNamespace(), object.GetName())
		if scheme.Scheme.Recognizes(object.GroupVersionKind()) {
			if _, _, err := strict.Decode([]byte(item), nil, nil); err != nil {
				problems = append(problems, fmt.Sprintf("%s: %v", name, err))
			}
			continue
		}
		if err := custom.ValidateCustomResource(object); err != nil {
			problems = append(problems, err.Error())
		}
	}
	return problems, count, nil
}

func main() {
	problems, count, err := run(os.Args[1:], os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	for _, problem := range problems {
		fmt.Println(problem)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
	fmt.Printf("%d manifests are valid\n", count)
}
