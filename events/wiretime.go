package events

// Times on the wire are RFC 3339 in UTC: "2006-01-02T15:04:05.999999999Z", from 1970 to what an
// int64 of nanoseconds holds (2262-04-11).

const (
	secondsPerDay = 86400
	nanos         = 1_000_000_000
	maxSeconds    = (1<<63 - 1) / nanos
)

// parseTime returns the nanoseconds since 1970. The fraction has one to nine digits, or is absent.
func parseTime(s string) (int64, bool) {
	if len(s) < 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[len(s)-1] != 'Z' {
		return 0, false
	}
	y1, ok1 := two(s, 0)
	y2, ok2 := two(s, 2)
	month, ok3 := two(s, 5)
	day, ok4 := two(s, 8)
	hour, ok5 := two(s, 11)
	minute, ok6 := two(s, 14)
	second, ok7 := two(s, 17)
	year := y1*100 + y2
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && ok7) || year < 1970 || month < 1 || month > 12 ||
		day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	fraction := int64(0)
	if digits := s[19 : len(s)-1]; digits != "" {
		if digits[0] != '.' || len(digits) < 2 || len(digits) > 10 {
			return 0, false
		}
		for i := 1; i < 10; i++ {
			fraction *= 10
			if i < len(digits) {
				c := digits[i]
				if c < '0' || c > '9' {
					return 0, false
				}
				fraction += int64(c - '0')
			}
		}
	}
	seconds := daysFrom(year, month, day)*secondsPerDay + hour*3600 + minute*60 + second
	if seconds > maxSeconds || (seconds == maxSeconds && fraction > (1<<63-1)%nanos) {
		return 0, false
	}
	return seconds*nanos + fraction, true
}

// minute is the minute that was parsed last: times of records that follow each other mostly share it.
type minute struct {
	text  [16]byte // "2006-01-02T15:04"
	begin int64    // in nanoseconds since 1970
}

// parse is parseTime with a memory.
func (m *minute) parse(s string) (int64, bool) {
	const digits = len("2006-01-02T15:04:05.") // before the fraction
	if len(s) <= digits+1 || len(s) > digits+10 || s[:16] != string(m.text[:]) || s[16] != ':' || s[19] != '.' || s[len(s)-1] != 'Z' {
		ns, ok := parseTime(s)
		if ok && ns < 1<<62 { // far from the end of what fits
			copy(m.text[:], s)
			m.begin = ns - ns%(60*nanos)
		}
		return ns, ok
	}
	second, ok := two(s, 17)
	fraction := int64(0)
	for i := digits; i < len(s)-1; i++ {
		c := s[i] - '0'
		ok = ok && c <= 9
		fraction = fraction*10 + int64(c)
	}
	return m.begin + second*nanos + fraction*powersOfTen[digits+10-len(s)], ok && second < 60
}

// powersOfTen by the digits that a fraction of a second lacks.
var powersOfTen = [...]int64{1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000}

func two(s string, i int) (int64, bool) {
	a, b := s[i]-'0', s[i+1]-'0'
	return int64(a)*10 + int64(b), a <= 9 && b <= 9
}

func daysIn(year, month int64) int64 {
	if month == 2 {
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 30 + (month+month/8)&1
}

// daysFrom returns the days since 1970-01-01. Years begin in March here, so that the leap day is
// the last, in eras of 400 years.
func daysFrom(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	ofEra := year - era*400
	ofYear := (153*(month-3)+2)/5 + day - 1
	return era*146097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719468
}

// appendTime appends the text form of ns ≥ 0: no fraction where it is zero, else without trailing
// zeros.
func appendTime(dst []byte, ns int64) []byte {
	seconds, fraction := ns/nanos, ns%nanos
	days, ofDay := seconds/secondsPerDay+719468, seconds%secondsPerDay
	era := days / 146097
	ofEra := days - era*146097
	yearOfEra := (ofEra - ofEra/1460 + ofEra/36524 - ofEra/146096) / 365
	ofYear := ofEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	mp := (5*ofYear + 2) / 153
	day, month, year := ofYear-(153*mp+2)/5+1, mp+3, yearOfEra+era*400
	if month > 12 {
		month -= 12
		year++
	}
	dst = appendTwo(appendTwo(dst, year/100), year%100)
	dst = appendTwo(append(dst, '-'), month)
	dst = appendTwo(append(dst, '-'), day)
	dst = appendTwo(append(dst, 'T'), ofDay/3600)
	dst = appendTwo(append(dst, ':'), ofDay/60%60)
	dst = appendTwo(append(dst, ':'), ofDay%60)
	if fraction != 0 {
		var digits [10]byte
		digits[0] = '.'
		for i := 9; i > 0; i-- {
			digits[i] = byte('0' + fraction%10)
			fraction /= 10
		}
		n := len(digits)
		for digits[n-1] == '0' {
			n--
		}
		dst = append(dst, digits[:n]...)
	}
	return append(dst, 'Z')
}

func appendTwo(dst []byte, v int64) []byte { return append(dst, byte('0'+v/10), byte('0'+v%10)) }
