//! Which currencies there are (ISO 4217, active codes of money people pay with).

use kernel::Currency;

use super::wrong::{Problem, Why};

/// Sorted. Funds, metals and test codes are left out: nobody is paid in them.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN \
BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ \
GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL \
LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN \
PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD \
TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// A currency that exists.
pub(crate) fn currency(code: &str) -> Result<Currency, Problem> {
    let unknown = |shown: &str| {
        let shown: String = shown.chars().take(64).collect();
        let what =
            format!("{shown:?} is no ISO 4217 currency; three upper-case letters such as EUR");
        Problem::new(Why::UnknownCurrency, what)
    };
    if code.is_empty() {
        return Err(Problem::new(Why::Required, "is an ISO 4217 currency such as EUR"));
    }
    let currency = Currency::new(code).map_err(|_| unknown(code))?;
    if CODES.split_ascii_whitespace().any(|known| known == code) {
        Ok(currency)
    } else {
        Err(unknown(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_exists_or_is_refused() {
        for code in ["EUR", "USD", "JPY", "CHF", "ZWG"] {
            assert!(currency(code).is_ok(), "{code}");
        }
        for code in ["EURO", "eur", "EUX", "XXX", "XTS", "EU"] {
            assert_eq!(currency(code).unwrap_err().why, Why::UnknownCurrency, "{code}");
        }
        assert_eq!(currency("").unwrap_err().why, Why::Required);
        let codes: Vec<&str> = CODES.split_ascii_whitespace().collect();
        assert!(codes.is_sorted() && codes.len() > 150);
    }
}
