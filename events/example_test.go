package events_test

import (
	"errors"
	"fmt"
	"time"

	"marginledger/events"
)

// A producer builds an event, checks it, and sends its canonical JSON or protobuf form.
func ExampleAppendJSON() {
	e := &events.Event{
		ID: "dep-1", Type: events.TypeDeposit, Version: events.SchemaVersion, Venue: "main",
		Time:  time.Date(2025, 10, 10, 21, 15, 3, 500_000_000, time.UTC).UnixNano(),
		Owner: "alice",
		Body:  &events.Deposit{Asset: "USDC", Amount: events.MustNumber("5000")},
	}
	if err := e.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", events.AppendJSON(nil, e))
	// Output: {"id":"dep-1","type":"Deposit","v":1,"venue":"main","time":"2025-10-10T21:15:03.5Z","owner":"alice","asset":"USDC","amount":"5000"}
}

// A record is an event, a dead letter, or a reason to stop.
func ExampleDecoder_Decode() {
	var d events.Decoder
	for _, record := range []string{
		`{"id":"dep-1","type":"Deposit","v":1,"venue":"main","time":"2025-10-10T21:15:03Z","owner":"alice","asset":"USDC","amount":"5000"}`,
		`{"id":"dep-2","type":"Deposit","v":1,"venue":"main","time":"2025-10-10T21:15:03Z","owner":"alice","asset":"USDC","amount":"-1"}`,
		`{"id":"dep-3","type":"Deposit","v":2,"venue":"main","time":"2025-10-10T21:15:03Z","owner":"alice","asset":"USDC","amount":"5000"}`,
	} {
		e, err := d.Decode([]byte(record))
		var dead *events.DecodeError
		var unknown *events.SchemaError
		switch {
		case errors.As(err, &dead):
			fmt.Println("dead letter:", dead)
		case errors.As(err, &unknown):
			fmt.Println("stop:", unknown.Kind, unknown.Name)
		default:
			deposit := e.Body.(*events.Deposit)
			fmt.Println(e.Owner, deposit.Amount, deposit.Asset)
		}
	}
	// Output:
	// alice 5000 USDC
	// dead letter: bad_value: amount: must be greater than zero
	// stop: unknown_version 2
}
