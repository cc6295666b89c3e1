"""Identifiers: the platforms' own examples, what is left out, and what holds for any text."""

import hashlib
import random
import re
import unicodedata

import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from regulars.errors import UsageError
from regulars.publish import phones
from regulars.publish.identifiers import (
    NORMALISER_VERSION,
    RULES,
    Field,
    Platform,
    identifier,
    left_out_count,
    normalised,
    normalised_column,
    sha256_hex,
)

META, GOOGLE, KLAVIYO = Platform
PAIRS = [(platform, field) for platform, rules in RULES.items() for field in rules]
BLANKS = st.text(alphabet=" \t\n\u00a0\u3000\u200b\ufeff", max_size=4)
COUNTRIES = st.none() | st.sampled_from(
    ["DK", "DE", "US", "GB", "IT", "BR", "RU", "JP", "KZ", "AR", "uk", "ZZ", "", "Denmark"]
)
NAMES = st.text(st.characters(codec="utf-8"), max_size=30)
WORDS = st.text(alphabet="abcdefgæøåñ0123456789", min_size=1, max_size=8)
EMAILS = st.builds("{}.{}+{}@{}.{}".format, WORDS, WORDS, WORDS, WORDS | st.just("gmail"), st.just("com") | WORDS)
DIGITS = st.text(alphabet="0123456789", min_size=5, max_size=13)
PHONES = st.builds(
    "{}{}{}".format, st.sampled_from(["", "+", "00", "0", "+45", "+49 (0)", "+7 8", "+1 1", "+39 0"]), DIGITS, BLANKS
)
ANYTHING = NAMES | EMAILS | PHONES | st.text()


def forms(value: str | None, field: Field, country: str | None = None) -> list[str | None]:
    """The normal forms of the three platforms."""
    return [normalised(value, country, platform, field) for platform in Platform]


# -- golden vectors: Meta's pages and the spec
@pytest.mark.parametrize(
    ("value", "platform", "field", "expected"),
    [
        ("mary@example.com", META, Field.EMAIL, "f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79"),
        (
            " Mary@Example.com\n",
            GOOGLE,
            Field.EMAIL,
            "f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79",
        ),
        ("+1 555 987 6543", META, Field.PHONE, "1ef970831d7963307784fa8688e8fce101a15685d62aa765fed23f3a2c576a4e"),
        ("John_Smith@gmail.com", META, Field.EMAIL, "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"),
        ("(650)555-1212", META, Field.PHONE, "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"),
        ("Mary", META, Field.FIRST_NAME, "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"),
        ("Valéry", META, Field.FIRST_NAME, "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"),
        ("정", META, Field.LAST_NAME, "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"),
        ("dana@example.com", GOOGLE, Field.EMAIL, "07e2f1394b0ea80e2adca010ea8318df697001a005ba7452720edda4b0ce57b3"),
    ],
)
def test_the_platforms_own_examples(value: str, platform: Platform, field: Field, expected: str) -> None:
    assert identifier(value, "US", platform, field) == expected


@pytest.mark.parametrize(
    ("value", "meta_and_klaviyo", "google"),
    [
        ("cloudy.sanfrancisco+shopping@gmail.com", None, "cloudysanfrancisco@gmail.com"),  # Google's example
        ("user.name+NYC@Example.com", "user.name+nyc@example.com", "user.name+nyc@example.com"),  # Google's example
        ("A.B+c+d@GoogleMail.com", "a.b+c+d@googlemail.com", "ab@googlemail.com"),
        ("a.b@mail.gmail.com", "a.b@mail.gmail.com", "a.b@mail.gmail.com"),
        ("a.b@gmail.com.au", "a.b@gmail.com.au", "a.b@gmail.com.au"),
        ("a..b.@docomo.ne.jp", "a..b.@docomo.ne.jp", "a..b.@docomo.ne.jp"),
        ("o'brien/x@example.co.uk", "o'brien/x@example.co.uk", "o'brien/x@example.co.uk"),
        ("\ufeffMary\u200b@example.com\u00a0", "mary@example.com", "mary@example.com"),
        ("ｍａｒｙ＠example．com", "mary@example.com", "mary@example.com"),
        ("jose\u0301@exa\u0301mple.es", "josé@exámple.es", "josé@exámple.es"),
        ("STRASSE.ß@Müller.de", "strasse.ß@müller.de", "strasse.ß@müller.de"),
    ],
)
def test_emails(value: str, meta_and_klaviyo: str | None, google: str) -> None:
    plain = meta_and_klaviyo or value.lower()
    assert forms(value, Field.EMAIL) == [plain, google, plain]


@pytest.mark.parametrize(
    "value",
    [
        None, "", "  ", "mary", "@example.com", "mary@", "mary@example", "mary@.com", "mary@example.",
        "mary@example..com", "mary smith@example.com", "mary@exa mple.com", "a@b@example.com",
        "Mary <mary@example.com>", "mailto:mary@example.com", "mary@example.com,ann@example.com", "mary@example.com;",
        "mary@exam\x00ple.com", "mary@exa_mple.com", '"m y"@example.com', "mary\ud800@example.com", "\u200b",
        "x" * 250 + "@example.com",
    ],
)  # fmt: skip
def test_what_is_no_email(value: str | None) -> None:
    assert forms(value, Field.EMAIL) == [None] * 3


def test_a_gmail_address_of_nothing_but_a_suffix_is_left_out_by_google_alone() -> None:
    assert forms(".+x@gmail.com", Field.EMAIL) == [".+x@gmail.com", None, ".+x@gmail.com"]


@pytest.mark.parametrize(
    ("value", "country", "expected"),
    [
        ("20 12 34 56", "DK", "+4520123456"),
        ("20123456", "dk ", "+4520123456"),
        ("4520123456", "DK", "+4520123456"),
        ("0045 20123456", "DK", "+4520123456"),
        ("+45 20 12 34 56", "SE", "+4520123456"),
        ("+45 20 12 34 56", None, "+4520123456"),
        ("0151 23456789", "DE", "+4915123456789"),
        ("+49 (0)151 / 23456789", "DE", "+4915123456789"),
        ("+49 00 30 123456", "DE", "+4930123456"),
        ("020 7946 0018", "UK", "+442079460018"),
        ("06 1234 5678", "IT", "+390612345678"),  # Italy keeps the zero
        ("8 912 345-67-89", "RU", "+79123456789"),
        ("(11) 96123-4567", "BR", "+5511961234567"),
        ("011 15 2345-6789", "AR", "+5491123456789"),  # the mobile prefix moves
        ("２０１２３４５６", "DK", "+4520123456"),
        ("٢٠١٢٣٤٥٦", "DK", "+4520123456"),
        ("\u202a+45 20\u00a012\u00a034\u00a056\u202c", "DK", "+4520123456"),  # as copied from a telephone's contacts
        ("Tel.: +45 20123456 ext. 12", "DK", "+4520123456"),
        ("(800)555-0100", "US", "+18005550100"),  # Google's example
    ],
)
def test_phones(value: str, country: str | None, expected: str) -> None:
    assert forms(value, Field.PHONE, country) == [expected[1:], expected, expected]


@pytest.mark.parametrize(
    ("value", "country"),
    [
        (None, "DK"), ("", "DK"), ("n/a", "DK"), ("20123456", None), ("20123456", "Denmark"), ("20123456", "ZZ"),
        ("123", "DK"), ("+999 20123456", "DK"), ("+45 201234567890123", "DK"), ("+45 2012345", "DK"), ("0" * 300, "DK"),
        ("+", "DK"), ("+0123456789", "DK"), ("555-1234", "US"),  # a local number: nobody abroad can dial it
    ],
)  # fmt: skip
def test_what_is_no_phone(value: str | None, country: str | None) -> None:
    assert forms(value, Field.PHONE, country) == [None] * 3


@pytest.mark.parametrize(
    ("value", "meta", "google"),
    [
        ("Mary-Ann", "maryann", "maryann"),
        ("Mary Ann ", "maryann", "mary ann"),
        ("O'Brien", "obrien", "obrien"),
        ("van der Berg", "vanderberg", "van der berg"),
        ("Vale\u0301ry", "valéry", "valéry"),
        ("Weiß", "weiß", "weiß"),
        ("ØRSTED", "ørsted", "ørsted"),
        ("Иванова", "иванова", "иванова"),
        ("山田・太郎", "山田太郎", "山田太郎"),
        ("प्रिया", "प्रिया", "प्रिया"),  # the vowel signs are marks
        ("ＭＡＲＹ", "mary", "mary"),
        ("İpek", "i\u0307pek", "i\u0307pek"),
        ("Ma\u00adry 😀❤️", "mary", "mary"),
        ("Anne_2", "anne2", "anne2"),
    ],
)
def test_names(value: str, meta: str, google: str) -> None:
    for field in (Field.FIRST_NAME, Field.LAST_NAME):
        assert forms(value, field)[:2] == [meta, google]


def test_a_name_goes_to_klaviyo_as_it_is_read() -> None:
    assert normalised(" Mary-Ann\u00a0", None, KLAVIYO, Field.FIRST_NAME) == "Mary-Ann"


@pytest.mark.parametrize(
    ("value", "field", "expected"),
    [
        ("Mrs. Mary Ann", Field.FIRST_NAME, "mary ann"),
        ("Dr", Field.FIRST_NAME, None),
        ("Smith, Jr.", Field.LAST_NAME, "smith"),
        ("Smith,Jr. DDS", Field.LAST_NAME, "smith"),
        ("Smith III", Field.LAST_NAME, "smith"),
        ("Vi", Field.LAST_NAME, "vi"),
        ("Jr. Smith", Field.LAST_NAME, "jr smith"),
        ("Md Karim", Field.FIRST_NAME, "md karim"),
    ],
)
def test_google_wants_names_without_titles_and_suffixes(value: str, field: Field, expected: str | None) -> None:
    assert normalised(value, None, GOOGLE, field) == expected


@pytest.mark.parametrize("value", [None, "", "-", "😀", "\u200d", "\u0301", "42", "\ud800"])
def test_what_is_no_name(value: str | None) -> None:
    assert forms(value, Field.FIRST_NAME)[:2] == [None, None]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("dk", "DK"),
        (" Dk ", "DK"),
        ("uk", "GB"),
        ("EL", "GR"),
        ("Denmark", None),
        ("D1", None),
        ("", None),
        ("ßs", None),
    ],
)
def test_countries(value: str, expected: str | None) -> None:
    assert normalised(value, None, GOOGLE, Field.COUNTRY) == expected
    assert normalised(value, None, META, Field.COUNTRY) == (expected and expected.lower())
    assert identifier(value, None, GOOGLE, Field.COUNTRY) == expected


@pytest.mark.parametrize(
    ("value", "country", "meta", "google"),
    [
        ("94105", "US", "94105", "94105"),
        ("94105-1234 ", "US", "94105", "94105-1234"),
        ("2139", "US", None, "2139"),  # a zero was lost on the way
        ("M1 1AE", "GB", "m11", "M1 1AE"),
        ("EC1A 1BB", "UK", "ec1a1", "EC1A 1BB"),
        ("M1", "GB", "m1", "M1"),
        ("K1A 0B1", "CA", "k1a0b1", "K1A 0B1"),
        ("01310-100", "BR", "01310100", "01310-100"),
        ("１００-０００１", "JP", "1000001", "100-0001"),
        ("2100", None, "2100", "2100"),
        ("-", "DK", None, "-"),
        (" ", "DK", None, None),
    ],
)
def test_postal_codes(value: str, country: str | None, meta: str | None, google: str | None) -> None:
    assert normalised(value, country, META, Field.POSTAL_CODE) == meta
    assert identifier(value, country, META, Field.POSTAL_CODE) == (meta and sha256_hex(meta))
    assert identifier(value, country, GOOGLE, Field.POSTAL_CODE) == google


@pytest.mark.parametrize("platform", Platform)
def test_external_ids_go_to_the_letter(platform: Platform) -> None:
    digest = "AB" * 32
    for value in ("c00000042", " c 42", digest):
        assert identifier(value, None, platform, Field.EXTERNAL_ID) == value
    assert identifier("  ", None, platform, Field.EXTERNAL_ID) is None


def test_what_is_hashed_already_is_refused() -> None:
    digest = hashlib.sha256(b"mary@example.com").hexdigest()
    for platform, field in PAIRS:
        if RULES[platform][field].is_hashed:
            assert identifier(digest, "DK", platform, field) is None
            assert identifier(f" {digest.upper()} ", "DK", platform, field) is None


def test_what_is_hashed_where() -> None:
    hashed = {platform: {field for field, rule in rules.items() if rule.is_hashed} for platform, rules in RULES.items()}
    people = {Field.EMAIL, Field.PHONE, Field.FIRST_NAME, Field.LAST_NAME}
    assert hashed == {META: people | {Field.COUNTRY, Field.POSTAL_CODE}, GOOGLE: people, KLAVIYO: set()}


def test_a_field_that_a_platform_does_not_know_is_named() -> None:
    with pytest.raises(UsageError, match="klaviyo knows nobody by country; it takes email, phone"):
        identifier("DK", None, KLAVIYO, Field.COUNTRY)


# -- for any text
@pytest.mark.parametrize(("platform", "field"), PAIRS)
@given(value=ANYTHING, country=COUNTRIES)
@example(value="A\u03a3'", country=None)
@example(value="e-\u0301", country=None)
@example(value="Smith i-i", country=None)
@example(value="Mr. m.r. x", country=None)
def test_a_normal_form_stays(platform: Platform, field: Field, value: str, country: str | None) -> None:
    form = normalised(value, country, platform, field)
    if form is not None:
        again = "+" + form if (platform, field) == (META, Field.PHONE) else form
        assert normalised(again, country, platform, field) == form
        assert form.strip() == form or field is Field.EXTERNAL_ID


@pytest.mark.parametrize(("platform", "field"), [pair for pair in PAIRS if pair[1] is not Field.EXTERNAL_ID])
@given(value=ANYTHING, country=COUNTRIES, before=BLANKS, after=BLANKS)
def test_blanks_around_a_value_change_nothing(
    platform: Platform, field: Field, value: str, country: str | None, before: str, after: str
) -> None:
    if platform is KLAVIYO and field in (Field.FIRST_NAME, Field.LAST_NAME):
        before, after = before.strip("\u200b\ufeff"), after.strip("\u200b\ufeff")
        before, after = "".join(before.split()) and " ", "".join(after.split()) and " "
    assert normalised(before + value + after, country, platform, field) == normalised(value, country, platform, field)


@pytest.mark.parametrize("field", [Field.EMAIL, Field.FIRST_NAME, Field.LAST_NAME, Field.COUNTRY])
@pytest.mark.parametrize("platform", [META, GOOGLE])
@given(value=ANYTHING)
def test_case_changes_nothing(platform: Platform, field: Field, value: str) -> None:
    value = unicodedata.normalize("NFC", value)
    # Some letters have no way back: capital ß is SS, and a sigma ends a word in another form.
    assume(value.upper().lower() == value.lower() and value.swapcase().lower() == value.lower())
    forms = {normalised(version, None, platform, field) for version in (value, value.upper(), value.swapcase())}
    assert len(forms) == 1


@pytest.mark.parametrize(("platform", "field"), PAIRS)
@given(value=ANYTHING | st.text(st.characters()), country=COUNTRIES | st.text(max_size=3))
@example(value="\ud83d", country="DK")
def test_no_text_breaks_it_and_a_hash_is_a_hash(
    platform: Platform, field: Field, value: str, country: str | None
) -> None:
    found = identifier(value, country, platform, field)
    if found is not None and RULES[platform][field].is_hashed:
        assert re.fullmatch("[0-9a-f]{64}", found)
        assert found == sha256_hex(normalised(value, country, platform, field) or "")


@given(
    value=PHONES | st.text(alphabet="+0123456789 -./()", max_size=18),
    country=st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)),
)
def test_a_looked_up_phone_is_the_parsed_one(value: str, country: str) -> None:
    assert phones.e164(value, country) == phones.parsed.__wrapped__(value, country)


def test_numbers_near_the_real_ones_are_looked_up_as_they_are_parsed() -> None:
    """Example numbers of every region with a digit changed, one more or one less, behind every kind of prefix."""
    pick = random.Random(42)
    found = 0
    for region in sorted(phonenumbers.SUPPORTED_REGIONS) * 6:
        plan = phonenumbers.PhoneMetadata.metadata_for_region(region)
        code, trunk = f"{plan.country_code}", plan.national_prefix or ""
        example_number = phonenumbers.example_number_for_type(region, pick.choice([0, 1, 3]))
        digits = list(
            "201234567" if example_number is None else phonenumbers.national_significant_number(example_number)
        )
        digits[pick.randrange(len(digits))] = pick.choice("0123456789")
        number = "".join(digits)[: pick.choice([None, None, -1])] + pick.choice(["", "", "7"])
        prefixes = ["", trunk, "0", f"+{code}", f"+{code} {trunk}", f"+{code} (0)", f"00{code}", f"011{code}", code]
        for prefix in prefixes:
            expected = phones.parsed.__wrapped__(prefix + number, region)
            assert phones.e164(prefix + number, region) == expected, (prefix, number, region)
            found += phones._looked_up(prefix + number, region) is not None
    assert found > 4_000


def test_numbers_of_every_region_are_looked_up_as_they_are_parsed() -> None:
    formats = phonenumbers.PhoneNumberFormat
    kinds = [
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.TOLL_FREE,
    ]
    looked_up = total = 0
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        numbers = [phonenumbers.example_number_for_type(region, kind) for kind in kinds]
        for number in filter(None, numbers):
            for style in (formats.E164, formats.INTERNATIONAL, formats.NATIONAL):
                text = phonenumbers.format_number(number, style)
                expected = phones.parsed.__wrapped__(text, region)
                assert phones.e164(text, region) == expected, (text, region)
                total += 1
                looked_up += phones._looked_up(text, region) is not None
    assert total > 1900
    assert looked_up > 0.85 * total


# -- columns
def test_a_column_is_its_rows() -> None:
    values = ["Mary", None, "mary", "", "-", "Mary"]
    countries = ["US", None, "DK", "DK", "DK", "GB"]
    for platform, field in PAIRS:
        expected = [
            identifier(value, country, platform, field) for value, country in zip(values, countries, strict=True)
        ]
        assert normalised_column(values, countries, platform, field) == expected
        arrow = normalised_column(pa.array(values), pa.chunked_array([countries[:2], countries[2:]]), platform, field)
        assert arrow == expected


def test_a_column_knows_the_country_of_each_row() -> None:
    found = normalised_column(["94105-1234", "94105-1234"], ["US", "DK"], META, Field.POSTAL_CODE)
    assert found == [sha256_hex("94105"), sha256_hex("941051234")]


def test_a_column_with_too_few_countries_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        normalised_column(["a", "b"], ["DK"], META, Field.EMAIL)


def test_what_was_left_out_is_counted_and_blank_is_not() -> None:
    values = pa.array(["20123456", "n/a", None, " ", "123"])
    found = normalised_column(values, ["DK"] * 5, GOOGLE, Field.PHONE)
    assert left_out_count(values, found) == 2


# -- the version
TABLE = [
    "mary@example.com", " John_Smith@GMAIL.com", "a.b+c@googlemail.com", "user.name+NYC@Example.com",
    "jose\u0301@exámple.es", "mary smith@example.com", "ｍａｒｙ＠example．com", "+1 555 987 6543", "(650)555-1212",
    "20 12 34 56", "0151 23456789", "+49 (0)151 23456789", "+49 00 30 123456", "06 1234 5678", "020 7946 0018",
    "555-1234", "Valéry", "정", "Mary-Ann O'Brien", "Mrs. Mary", "Smith, Jr.", "İpek", "Weiß",
    "प्रिया", "Ma\u00adry 😀", "uk", "DK", "Denmark", "94105-1234", "2139", "M1 1AE", "01310-100",
    "ab" * 32, "c00000042", "", " ",
]  # fmt: skip
DIGESTS = {1: "f1cb0c42658db92df3008ebcb0bbfe5954c9e0777edc594c0866b694f729b691"}


def test_a_changed_rule_has_a_new_version() -> None:
    """Red: a rule has changed, or `phonenumbers` has. Raise NORMALISER_VERSION and add its digest here."""
    rows = [
        f"{platform}\t{field}\t{value}\t{country}\t{identifier(value, country, platform, field)}"
        for platform, field in PAIRS
        for value in TABLE
        for country in ("DK", "US", "GB", "DE", "IT", None)
    ]
    assert hashlib.sha256("\n".join(rows).encode()).hexdigest() == DIGESTS[NORMALISER_VERSION]
    assert max(DIGESTS) == NORMALISER_VERSION
