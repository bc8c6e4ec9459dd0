// Command verify loads docker-compose.yml the way docker compose config does, but
// without Docker: as it is, with .env.example for .env, and with every line of that
// uncommented. A warning is an error too.
//
// It is a module of its own, so that wacast does not depend on compose:
//
//	go run . ../../..
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: verify FOLDER-OF-DOCKER-COMPOSE.YML")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir string) error {
	file := filepath.Join(dir, "docker-compose.yml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	example, err := os.ReadFile(filepath.Join(dir, ".env.example"))
	if err != nil {
		return err
	}
	set, err := dotenv.UnmarshalBytesWithLookup(example, nil)
	if err != nil {
		return fmt.Errorf(".env.example: %w", err)
	}
	all, err := dotenv.UnmarshalBytesWithLookup(uncomment(example), nil)
	if err != nil {
		return fmt.Errorf(".env.example, uncommented: %w", err)
	}

	plain, err := load(file, nil)
	if err != nil {
		return err
	}
	bad := []error{sources(plain), used(string(text), all), same(file, plain, set)}
	if _, err := load(file, all); err != nil {
		bad = append(bad, fmt.Errorf("with .env.example uncommented: %w", err))
	}
	if err := errors.Join(bad...); err != nil {
		return err
	}
	fmt.Printf("%d services, %d variables of .env.example\n", len(plain.Services), len(all))
	return nil
}

// load returns the project as docker compose would run it in env.
func load(file string, env map[string]string) (*types.Project, error) {
	var warnings bytes.Buffer
	logrus.SetOutput(&warnings)
	var pairs []string
	for name, value := range env {
		pairs = append(pairs, name+"="+value)
	}
	options, err := cli.NewProjectOptions([]string{file}, cli.WithEnv(pairs))
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	if warnings.Len() > 0 {
		return nil, fmt.Errorf("%s: %s", file, strings.TrimSpace(warnings.String()))
	}
	return project, nil
}

// sources says which files that are mounted are not there: Docker would make folders of them.
func sources(project *types.Project) error {
	var bad []error
	for _, service := range project.Services {
		for _, volume := range service.Volumes {
			if volume.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(volume.Source); err != nil {
				bad = append(bad, fmt.Errorf("%s: volume %s: %w", service.Name, volume.Target, err))
			}
		}
	}
	return errors.Join(bad...)
}

// used says which variables of the example nothing asks for.
func used(text string, env map[string]string) error {
	var bad []error
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !strings.Contains(text, "${"+name+":") {
			bad = append(bad, fmt.Errorf(".env.example: docker-compose.yml does not use %s", name))
		}
	}
	return errors.Join(bad...)
}

// same makes sure that the example says the defaults: copying it changes nothing.
func same(file string, plain *types.Project, env map[string]string) error {
	project, err := load(file, env)
	if err != nil {
		return fmt.Errorf("with .env.example: %w", err)
	}
	want, err := plain.MarshalYAML()
	if err != nil {
		return err
	}
	got, err := project.MarshalYAML()
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return errors.New(".env.example: its values are not the defaults of docker-compose.yml")
	}
	return nil
}

// uncomment takes the mark from every line of the example that sets something.
func uncomment(example []byte) []byte {
	return regexp.MustCompile(`(?m)^#([A-Z_]+=)`).ReplaceAll(example, []byte("$1"))
}
