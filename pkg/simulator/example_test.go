package simulator_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/wacast/wacast/pkg/simulator"
)

func Example() {
	sim, err := simulator.New(simulator.Config{
		// The answer to every message to …00 gets lost, although it was accepted.
		Faults: []simulator.Rule{{Kind: simulator.LostAfter, Suffix: "00"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	api := httptest.NewServer(sim)
	defer api.Close()

	for _, to := range []string{"+447700900455", "+447700900400"} {
		body := `{"messaging_product": "whatsapp", "to": "` + to + `", "type": "template",
			"template": {"name": "hello_world", "language": {"code": "en_US"}}, "biz_opaque_callback_data": "job-1"}`
		r, _ := http.NewRequest(http.MethodPost, api.URL+"/v26.0/100000000000101/messages", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer made-up")
		answer, err := api.Client().Do(r)
		if err != nil {
			fmt.Println("no answer")
			continue
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		fmt.Println(answer.Status)
	}
	stats := sim.Stats()
	fmt.Printf("accepted %d, duplicates %d, answers lost %d\n", stats.Accepted, stats.Duplicates, stats.AnswersLost)
	// Output:
	// 200 OK
	// no answer
	// accepted 2, duplicates 1, answers lost 1
}
