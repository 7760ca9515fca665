package simulate

import (
	"testing"

	"marginledger/events"
)

// said makes an announcement about a pool with one position; closeSize "" asks for nothing.
func said(kind events.Kind, size, closeSize string) *events.Output {
	o := &events.Output{Kind: kind, ID: "0-1-0", Time: "2025-10-10T12:00:00Z", Owner: "u1", Pool: "cross", Liquidation: "0-1-0", Stage: events.StagePartial}
	if size != "" {
		f := events.PositionFigures{Market: "BTC-PERP", Leg: events.LegNet, Size: events.MustNumber(size), Mark: events.MustNumber("100000"), Notional: events.MustNumber("1")}
		if closeSize != "" {
			f.CloseSize = events.MustNumber(closeSize)
		}
		o.Positions = []events.PositionFigures{f}
	}
	return o
}

func TestBotAnswersOnce(t *testing.T) {
	b := NewBot("0")
	legs := b.Hear(said(events.KindLiquidationTriggered, "4", "1"))
	if len(legs) != 2 {
		t.Fatalf("%d answers, want both legs", len(legs))
	}
	own, other := legs[0].Event.Body.(*events.Fill), legs[1].Event.Body.(*events.Fill)
	if own.Side != events.Sell || own.Reason != events.ReasonLiquidation || own.Liquidation != "0-1-0" || own.Size != events.MustNumber("1") {
		t.Errorf("own leg %+v", own)
	}
	if legs[1].Key != Insurance || other.Side != events.Buy || other.Reason != events.ReasonTrade || other.TradeID != own.TradeID || other.Price != own.Price {
		t.Errorf("other leg %+v of %s", other, legs[1].Key)
	}
	// It worsens before the answer arrives: the position is what it was, so nothing more is sent.
	if legs := b.Hear(said(events.KindLiquidationUpdated, "4", "4")); len(legs) != 0 {
		t.Errorf("%d answers while one is under way", len(legs))
	}
	if n := b.Awaiting(); n != 1 {
		t.Errorf("%d awaiting, want 1", n)
	}
	// A late fact of the exchange moves the position: the answer is under way still.
	if legs := b.Hear(said(events.KindLiquidationUpdated, "5", "5")); len(legs) != 0 {
		t.Errorf("%d answers after somebody else's fill", len(legs))
	}
	arrived := said(events.KindLiquidationUpdated, "3", "3")
	arrived.EventID = legs[0].Event.ID
	if legs := b.Hear(arrived); len(legs) != 2 || legs[0].Event.Body.(*events.Fill).Size != events.MustNumber("3") {
		t.Errorf("after the answer arrived: %+v", legs)
	}
	if legs := b.Hear(said(events.KindLiquidationCleared, "", "")); len(legs) != 0 || b.Awaiting() != 0 {
		t.Errorf("after the end: %d answers, %d awaiting", len(legs), b.Awaiting())
	}
}

func TestBotCoversBankruptcy(t *testing.T) {
	b := NewBot("0")
	o := said(events.KindPoolBankrupt, "", "")
	o.Stage, o.Equity, o.Pool = events.StageBankrupt, events.MustNumber("-12.5"), "BTC-PERP/long"
	answers := b.Hear(o)
	if len(answers) != 1 {
		t.Fatalf("%d answers", len(answers))
	}
	c := answers[0].Event.Body.(*events.BankruptcyCovered)
	if c.Amount != events.MustNumber("12.5") || c.Market != "BTC-PERP" || c.Leg != events.LegLong || c.Liquidation != "0-1-0" {
		t.Errorf("%+v", c)
	}
	if again := b.Hear(o); len(again) != 0 {
		t.Error("it paid twice")
	}
	end := said(events.KindLiquidationCleared, "", "")
	end.Pool, end.EventID = o.Pool, answers[0].Event.ID
	if b.Hear(end); b.Awaiting() != 0 {
		t.Error("still awaiting after the end")
	}
}

func TestBotWakes(t *testing.T) {
	b := NewBot("1")
	b.Sleep()
	for _, o := range []*events.Output{said(events.KindLiquidationTriggered, "4", "1"), said(events.KindLiquidationUpdated, "3", "")} {
		if len(b.Hear(o)) != 0 {
			t.Fatal("it answered in its sleep")
		}
	}
	other := said(events.KindLiquidationTriggered, "-2", "2")
	other.Owner = "u2"
	b.Hear(other)
	answers := b.Wake()
	if len(answers) != 2 || answers[0].Event.Owner != "u2" || answers[0].Event.Body.(*events.Fill).Side != events.Buy {
		t.Errorf("%+v", answers)
	}
	if b.Awaiting() != 1 {
		t.Errorf("%d awaiting", b.Awaiting())
	}
}
