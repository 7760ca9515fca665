package audit

import (
	"fmt"
	"strconv"
	"strings"
)

// Account names an account.
type Account struct {
	Venue      string `json:"venue"`
	Owner      string `json:"owner"`
	Subaccount uint32 `json:"sub"`
}

// String is the form that ParseAccount reads.
func (a Account) String() string { return fmt.Sprintf("%s/%s/%d", a.Venue, a.Owner, a.Subaccount) }

// clone is the account in memory of its own.
func (a Account) clone() Account {
	return Account{strings.Clone(a.Venue), strings.Clone(a.Owner), a.Subaccount}
}

// ParseAccount reads VENUE/OWNER/SUB. An owner may have slashes in it.
func ParseAccount(text string) (Account, error) {
	venue, rest, ok := strings.Cut(text, "/")
	owner, digits, ok2 := cutLast(rest, '/')
	sub, err := strconv.ParseUint(digits, 10, 32)
	if !ok || !ok2 || err != nil || venue == "" || owner == "" {
		return Account{}, fmt.Errorf("%q is no account: write VENUE/OWNER/SUBACCOUNT", text)
	}
	return Account{venue, owner, uint32(sub)}, nil
}
