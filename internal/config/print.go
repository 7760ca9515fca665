package config

import (
	"fmt"
	"io"
	"strings"
)

// Print writes every effective value as YAML that Load would read back, each with its source in a comment. Secrets
// are left out.
func (c *Config) Print(w io.Writer) error {
	var b strings.Builder
	section := ""
	for _, s := range c.settings() {
		name, indent := s.key, ""
		if head, tail, ok := strings.Cut(s.key, "."); ok {
			if head != section {
				fmt.Fprintf(&b, "%s:\n", head)
			}
			section, name, indent = head, tail, "  "
		} else {
			section = ""
		}
		value := quote(s.get())
		if s.list {
			value = "[" + s.get() + "]"
		}
		if s.secret {
			if s.get() == "" {
				value = `""`
			} else {
				fmt.Fprintf(&b, "%s# %s is given  # %s\n", indent, name, c.sources[s.key])
				continue
			}
		}
		fmt.Fprintf(&b, "%s%s: %s  # %s\n", indent, name, value, c.sources[s.key])
	}
	fmt.Fprintf(&b, "topics:  # %s\n", c.sources["topics"])
	for _, t := range c.Topics {
		fmt.Fprintf(&b, "  - {name: %s, role: %s, partitions: %d}\n", t.Name, t.Role, t.Partitions)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("print the configuration: %w", err)
	}
	return nil
}

// quote leaves plain words as they are.
func quote(v string) string {
	if v != "" && !strings.ContainsAny(v, " #:{}[],&*!|>'\"%@`\\") {
		return v
	}
	return fmt.Sprintf("%q", v)
}

// Help writes the table of keys with their variables and defaults.
func Help(w io.Writer) error {
	c := Default()
	for _, s := range c.settings() {
		if _, err := fmt.Fprintf(w, "%-24s %-38s %-14s %s\n", s.key, Env(s.key), s.get(), s.help); err != nil {
			return fmt.Errorf("print the settings: %w", err)
		}
	}
	return nil
}
