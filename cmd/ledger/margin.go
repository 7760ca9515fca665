package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"marginledger/internal/calculator"
)

// marginCmd is the calculator: a portfolio in, its margin out. It uses no state.
type marginCmd struct {
	File     string   `arg:"" optional:"" default:"-" help:"The portfolio, JSON: docs/formats/margin.md. Standard input where absent." placeholder:"FILE"`
	Format   string   `help:"json or text." enum:"json,text" default:"json"`
	Explain  bool     `help:"Every term, tier, deduction and rounding step behind the figures."`
	Order    []string `help:"What if this order were filled? \"BTC buy 2 @ 64000 [leg long] [fee 12] [isolated 500]\", or \"ETH long increase 5000 WETH with 1 [uiFee 0.0001]\" where positions have collateral of their own. Changes apply in the order in which they are given." placeholder:"ORDER" sep:"none"`
	Deposit  []string `help:"What if this were deposited? \"500\", or \"0.5 ETH\"; \"100 USDC of ETH [impact]\" where it was claimable of a market." placeholder:"AMOUNT" sep:"none"`
	Withdraw []string `help:"What if this were withdrawn?" placeholder:"AMOUNT" sep:"none"`
	Price    []string `help:"What if the price of a market or asset were this? A pair is MIN..MAX." placeholder:"NAME=PRICE" sep:"none"`
	Switch   []string `help:"What if the margin mode were switched? \"BTC=isolated\", \"BTC=isolated:500\" with its margin, \"BTC=cross\"." placeholder:"MARKET=MODE" sep:"none"`
	Compare  []string `help:"The same portfolio under these profiles, side by side: NAME or NAME@VERSION. What one lacks makes it unknown." placeholder:"PROFILE,…"`
	Assume   string   `help:"JSON: by profile, what --compare may assume of its venue; laid over the portfolio." type:"existingfile" placeholder:"FILE"`
	Leverage []string `help:"What if the leverage were set?" placeholder:"MARKET=N" sep:"none"`
}

// badInput is the exit status where the portfolio or a change cannot be understood.
const badInput = 2

// Run prints the answer. What a venue would refuse is an answer too.
func (c *marginCmd) Run(k *kong.Context) error {
	err := c.run(k)
	var bad *calculator.InputError
	if errors.As(err, &bad) {
		fmt.Fprintf(os.Stderr, "ledger margin: %v\n", err)
		return exitError{badInput}
	}
	return err
}

func (c *marginCmd) run(k *kong.Context) error {
	data, err := readInput(c.File)
	if err != nil {
		return err
	}
	changes, err := c.changes(k)
	if err != nil {
		return err
	}
	if c.Assume != "" && c.Compare == nil || c.Compare != nil && (changes != nil || c.Explain) {
		return &calculator.InputError{Detail: "--assume needs --compare, which goes with no change and not with --explain"}
	}
	if c.Compare != nil {
		if len(c.Compare) == 0 {
			return &calculator.InputError{Path: "--compare", Detail: "names no profile"}
		}
		return c.compare(data)
	}
	p, err := calculator.Read(data)
	if err != nil {
		return err
	}
	answer, err := calculator.Calculate(p, changes, c.Explain)
	if err != nil {
		return err
	}
	return c.print(answer)
}

func (c *marginCmd) compare(data []byte) error {
	var assume []byte
	if c.Assume != "" {
		var err error
		if assume, err = os.ReadFile(c.Assume); err != nil {
			return err
		}
	}
	answer, err := calculator.Compare(data, assume, c.Compare)
	if err != nil {
		return err
	}
	return c.print(answer)
}

// printable is an answer in both of its forms.
type printable interface{ Text(io.Writer) error }

func (c *marginCmd) print(answer printable) error {
	var out bytes.Buffer
	if c.Format == "text" {
		if err := answer.Text(&out); err != nil {
			return err
		}
	} else {
		enc := json.NewEncoder(&out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		if err := enc.Encode(answer); err != nil {
			return fmt.Errorf("encode the answer: %w", err)
		}
	}
	if _, err := out.WriteTo(os.Stdout); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// changes are those of the flags, in the order in which they were given.
func (c *marginCmd) changes(k *kong.Context) (changes []calculator.Change, err error) {
	given := map[string][]string{calculator.ChangeOrder: c.Order, calculator.ChangeDeposit: c.Deposit, calculator.ChangeWithdraw: c.Withdraw,
		calculator.ChangePrice: c.Price, calculator.ChangeSwitch: c.Switch, calculator.ChangeLeverage: c.Leverage}
	for _, p := range k.Path {
		if p.Flag == nil || len(given[p.Flag.Name]) == 0 {
			continue
		}
		texts := given[p.Flag.Name]
		given[p.Flag.Name] = texts[1:]
		change, err := calculator.ParseChange(p.Flag.Name, texts[0])
		if err != nil {
			return nil, err
		}
		changes = append(changes, change)
	}
	return changes, nil
}

func readInput(name string) ([]byte, error) {
	if name == "-" {
		data, err := io.ReadAll(os.Stdin)
		if err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		return data, nil
	}
	return os.ReadFile(name)
}
