package whatsapp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/wacast/wacast/pkg/whatsapp"
)

func ExampleClient_Send() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer EAAsecret" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":{"message":"Session has expired","code":190,"error_subcode":463}}`)
			return
		}
		fmt.Fprint(w, `{"messages":[{"id":"wamid.HBgMNDQ3NzAwOTAwNDU2FQIAERgSNjQwRDg3RTc0MUU2QUE0QzY2AA=="}]}`)
	}))
	defer api.Close()
	client, err := whatsapp.New(whatsapp.Config{BaseURL: api.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	message := &whatsapp.Message{
		To: "+447700900456",
		Template: whatsapp.Template{Name: "parcel_update", Language: "en_US", Components: []whatsapp.Component{
			{Type: "body", Parameters: []whatsapp.Parameter{{Type: "text", Text: "Amina"}}},
		}},
		CallbackData: "wacast/1/1/autumn/customer-1",
	}

	accepted, err := client.Send(context.Background(), "100000000000101", "EAAsecret", message)
	fmt.Println(whatsapp.ClassOf(err), accepted.Status)

	_, err = client.Send(context.Background(), "100000000000101", "EAAexpired", message)
	fmt.Println(whatsapp.ClassOf(err), errors.Is(err, &whatsapp.Error{Code: 190}))
	fmt.Println(err)
	// Output:
	// accepted accepted
	// refused_account true
	// cloud api refused: 190/463 Session has expired; Create a new system user token and replace the access token.
}

func ExampleClient_Templates() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("after") == "" {
			fmt.Fprint(w, `{"data":[{"name":"hello_world"}],"paging":{"cursors":{"after":"MAZDZD"},"next":"https://graph.facebook.com/…"}}`)
			return
		}
		fmt.Fprint(w, `{"data":[{"name":"parcel_update"}]}`)
	}))
	defer api.Close()
	client, err := whatsapp.New(whatsapp.Config{BaseURL: api.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	templates, err := client.Templates(context.Background(), "100000000000001", "EAAsecret")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range templates {
		fmt.Println(string(t))
	}
	// Output:
	// {"name":"hello_world"}
	// {"name":"parcel_update"}
}

func ExampleLookup() {
	code, _ := whatsapp.Lookup(131056, 0)
	fmt.Println(code.Class, "-", code.Meaning)
	// Output: throttled_pair - this number wrote to this recipient too often
}
