package bench

import "marginledger/events"

// made are facts as a decoder hands them over, made up on another goroutine. Their bodies lie in one piece, as a decoder's.
type made struct {
	events   []*events.Event
	facts    [madeFacts]events.Event
	fills    [madeFacts]events.Fill
	deposits [madeFacts]events.Deposit
	marks    [madeFacts]events.MarkPrice
}

const (
	madeFacts  = 1024 // at a time
	madeBefore = 4    // times that
)

// add copies a fact.
func (m *made) add(e *events.Event) {
	i := len(m.events)
	m.facts[i] = *e
	switch b := e.Body.(type) {
	case *events.Fill:
		m.fills[i] = *b
		m.facts[i].Body = &m.fills[i]
	case *events.Deposit:
		m.deposits[i] = *b
		m.facts[i].Body = &m.deposits[i]
	case *events.MarkPrice:
		m.marks[i] = *b
		m.facts[i].Body = &m.marks[i]
	default:
		panic("bench: a fact that is not made up ahead")
	}
	m.events = append(m.events, &m.facts[i])
}

// ahead makes facts up on a goroutine of its own and calls f with them, in order, here. After the first error it only takes
// what comes.
func ahead(makeUp func(out func(*events.Event)), f func([]*events.Event) error) error {
	full, free := make(chan *made, madeBefore), make(chan *made, madeBefore)
	for range madeBefore {
		free <- new(made)
	}
	go func() {
		defer close(full)
		m := <-free
		makeUp(func(e *events.Event) {
			if m.add(e); len(m.events) == madeFacts {
				full <- m
				m = <-free
				m.events = m.events[:0]
			}
		})
		full <- m
	}()
	var err error
	for m := range full {
		for at := 0; at < len(m.events) && err == nil; at += aheadFills {
			err = f(m.events[at:min(at+aheadFills, len(m.events))])
		}
		free <- m
	}
	return err
}
