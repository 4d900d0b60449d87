//! Certificates made and hashed by OpenSSL 3.0, one per kind of signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::*;

fn check(certificate: &str, expected: &str) {
    let der = BASE64.decode(certificate).expect("a base64 literal");
    let hash = tls_server_end_point(&der).expect("a signature with a hash");
    assert_eq!(hex::encode(hash), expected);
}

const EC_SHA256: &str = "MIIBcDCCARWgAwIBAgIUd4F2RiW/pMfnLMWjMge5lLiEhj0wCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBeDAgFw0y\
    NjExMjExMDIxNTBaGA8yMTI2MTAyODEwMjE1MFowDDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEH\
    A0IABOOXRdwGvacbUyPuqptmsTWpJoHRseWjt66ii3/Fu7J6QKsJO337yr2TyeFhUHn44gxwz//r/WGgPa6l/cBg\
    yumjUzBRMB0GA1UdDgQWBBSIRLwnL19G5UAerXyPzm2g7/8lQTAfBgNVHSMEGDAWgBSIRLwnL19G5UAerXyPzm2g\
    7/8lQTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDecK285zWuUGMxZ8E/sGznoV/WJ5heDI7+\
    zCdc9IS0fwIhAMTWl//3f5RlFqTWI9LWsugTO1MlsdQmxQnOTtJO2AeG";
const EC_SHA384: &str = "MIIBbzCCARWgAwIBAgIUd8i4JpLZVp5NRCK94sqyIHkCts0wCgYIKoZIzj0EAwMwDDEKMAgGA1UEAwwBeDAgFw0y\
    NjExMjExMDIxNTBaGA8yMTI2MTAyODEwMjE1MFowDDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEH\
    A0IABDEattxB3+yMtFNUoceXgwCvuPc/ZSSIARJUdoFEGCPniUV5QOdXTnputDUTGqRJbMjEA1TJ5ZwD6T907Ayy\
    bsWjUzBRMB0GA1UdDgQWBBQXbvaX6g3MSIXu6gbstFKSpBcYGTAfBgNVHSMEGDAWgBQXbvaX6g3MSIXu6gbstFKS\
    pBcYGTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMDA0gAMEUCIGXC8hBJYMUm0rGmrImPHiBS90pHfTnv3mAZ\
    qN4t3abTAiEAm04Bg/ow+GMO9sHOFycH+RV7xGunb21MnhV+SwxjDj4=";
const RSA_SHA1: &str = "MIIB9jCCAV+gAwIBAgIUH6p30rkghCjFEqxPa9ErN6uFVcQwDQYJKoZIhvcNAQEFBQAwDDEKMAgGA1UEAwwBeDAg\
    Fw0yNjExMjExMDIxNTBaGA8yMTI2MTAyODEwMjE1MFowDDEKMAgGA1UEAwwBeDCBnzANBgkqhkiG9w0BAQEFAAOB\
    jQAwgYkCgYEAxdVGffeGOsCmWjCbEVOXEOp4STQxAPTq7lZua8tic8SpUBC7zIgK1jpgUJOs0mnt2FPeCVeVb7Dw\
    TMEmyRPjWL5p3etBNzIeNmJf7ncR1w3qaFOkdV32qlLonBd/hszXI5SEVTeNBQPhRNYUk4XaxZIdEXY7xI6dLqGU\
    zaWf3GMCAwEAAaNTMFEwHQYDVR0OBBYEFGtaLFbSlrFceAgbWr708SXIOta/MB8GA1UdIwQYMBaAFGtaLFbSlrFc\
    eAgbWr708SXIOta/MA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQEFBQADgYEAXUKOAtHxLlgE0N+NGdfnX24/\
    x2lOwODSpFR9AIK1mY7xtZ3m4axZBK9/SbPygeqhYMbE9HznYx82LtcmmioyIgko6lyhBxNlBIEqoF0WbdvVrXrh\
    f1aG1aNJ4ZTgzfAy6LZqeSM62eAb2ffiHr0v/+t3I5PLq9NZygRflusPETg=";
const RSA_SHA512: &str = "MIIB9jCCAV+gAwIBAgIUIutog3QiE1Xr2aTxmk4TfLc6OHkwDQYJKoZIhvcNAQENBQAwDDEKMAgGA1UEAwwBeDAg\
    Fw0yNjExMjExMDIxNTBaGA8yMTI2MTAyODEwMjE1MFowDDEKMAgGA1UEAwwBeDCBnzANBgkqhkiG9w0BAQEFAAOB\
    jQAwgYkCgYEA2rzJX0BD9m1UXagh+1SWfy+nu7EmaxK4zSl40afJihgomMkYoiZ6YQwgsKby16kWgmtF/iGdXraX\
    ZORxfdlxoLhDm22LJ+t5vT59+Zbp217Z77h3QqRdmKYXVlkXE0N9wVHOO4iAiGn6I5SXZ5hM3o8UcCQbJkxpotp9\
    MEL9AMcCAwEAAaNTMFEwHQYDVR0OBBYEFIHoiwxDOGGM3VTrpzNKtY4CVkCZMB8GA1UdIwQYMBaAFIHoiwxDOGGM\
    3VTrpzNKtY4CVkCZMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQENBQADgYEA19WGaOcuK6Fumgela+jfWnp0\
    fYoYqYjIbmne25J4xLk7uHP9TTGdkCMi4dF6BSSjGl7swjN79OoShlN330FqYi8CpTPDQilBBabBuppoi2o2ol9i\
    1XZSjRGmatD4/Lgjyg3NbKclgtx27+CXyb6S9CS7FMZtUB4wHrRm2QH+y+I=";
const PSS_SHA384: &str = "MIICXjCCAZOgAwIBAgIUPGeTOE8cx9GkbVM9fWcFHLmE0R4wQQYJKoZIhvcNAQEKMDSgDzANBglghkgBZQMEAgIF\
    AKEcMBoGCSqGSIb3DQEBCDANBglghkgBZQMEAgIFAKIDAgFOMAwxCjAIBgNVBAMMAXgwIBcNMjYxMTIxMTAyMTUw\
    WhgPMjEyNjEwMjgxMDIxNTBaMAwxCjAIBgNVBAMMAXgwgZ8wDQYJKoZIhvcNAQEBBQADgY0AMIGJAoGBALGdrk0D\
    trSYpRxYXwCwQ29i09J3tm6ZyRobZn8PNMcntkDX0oxqjL2wh17mKqepDVeiKl98e8Z43xZCr1N5Cp5o5rNgR1uB\
    DtfxFkLfRQ0SygHRD+7q3fUK+9zyDHoOsnDPUHIAPlXeX2Nt7ql85ZEOQecL7glQBOTTU2d5C4zxAgMBAAGjUzBR\
    MB0GA1UdDgQWBBS2kLi7Qqq+AnesanhiT358Esy69zAfBgNVHSMEGDAWgBS2kLi7Qqq+AnesanhiT358Esy69zAP\
    BgNVHRMBAf8EBTADAQH/MEEGCSqGSIb3DQEBCjA0oA8wDQYJYIZIAWUDBAICBQChHDAaBgkqhkiG9w0BAQgwDQYJ\
    YIZIAWUDBAICBQCiAwIBTgOBgQB3PDUtqET/++hBSG7YfS54Kr2CWIBvMiiqWGKW2zNw4+/O0UQ223iwXIW03JjW\
    1F1SRlIdux8V6GXGCyAJXy7YlnKnvtHXsUzJQ4Fu9qAi4bL9Yq6rBlRDOW+HEPXCqcN8q2rGD7T9ABZbGk+74yR4\
    qcFv90H2gaXOTLfDWkMOAA==";
const ED25519: &str = "MIIBLjCB4aADAgECAhQtaXHkJD9ZloKVjezY9n9l0CGi3jAFBgMrZXAwDDEKMAgGA1UEAwwBeDAgFw0yNjExMjEx\
    MDIxNTBaGA8yMTI2MTAyODEwMjE1MFowDDEKMAgGA1UEAwwBeDAqMAUGAytlcAMhALUmnQQlSFMqhQmkGMEsib2z\
    wUwv+yJj2KuK0OQKdq5Eo1MwUTAdBgNVHQ4EFgQUoq0dq3GDNzJnDqYJxoJtLkJuTV0wHwYDVR0jBBgwFoAUoq0d\
    q3GDNzJnDqYJxoJtLkJuTV0wDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXADQQBqXjQmDtjLg7z5tEhWxFKHyw1EXyls\
    ILHrkn4zhxOjEv9SDfAjuv9oEJWZPdeqZuBzO2wBtgYD6jiPa93dbzwN";

#[test]
fn uses_the_hash_of_an_ecdsa_signature() {
    check(
        EC_SHA256,
        "817aa8301268c096454dc9bdc8b8c662ca6f5ad4788980133a19612bec11040e",
    );
}

#[test]
fn uses_a_longer_hash_where_the_signature_does() {
    check(
        EC_SHA384,
        "87ad4f123ab9cee124090c7d561a01d56129059173bb98c2a4a5e0f462cfb102fde5f3206da6791d0e0832ad\
    6f06be32",
    );
}

#[test]
fn replaces_sha1_by_sha256() {
    check(
        RSA_SHA1,
        "1216404898682ed3084d6268fd7a3c1a054345d6f5b38480ea4dd1ccc39c6f6f",
    );
}

#[test]
fn uses_the_hash_of_an_rsa_signature() {
    check(
        RSA_SHA512,
        "728e58ebda3f5099efe8bbe1b878f1a4cc6ffb910a89a2bc0aee3aff5a347676677f60840791f0744171e5f6\
    90d48bcaf0454f774f8e50d538e34c9f4aae46ff",
    );
}

#[test]
fn finds_the_hash_in_pss_parameters() {
    check(
        PSS_SHA384,
        "622600c06c2bf60a009089630921080397d2252ef0a0369925510a94ce07fa0fc01028ccd5bd6b06413696c8\
    524538b1",
    );
}

#[test]
fn a_signature_without_a_hash_has_no_binding() {
    let der = BASE64.decode(ED25519).expect("a base64 literal");
    assert_eq!(tls_server_end_point(&der), None);
}

#[test]
fn malformed_certificates_have_no_binding() {
    let der = BASE64.decode(EC_SHA256).expect("a base64 literal");
    for length in 0..der.len() {
        assert_eq!(tls_server_end_point(&der[..length]), None, "{length} bytes");
    }
    assert_eq!(tls_server_end_point(b"\x30\x80\x30\0"), None);
    assert_eq!(
        tls_server_end_point(b"\x30\x84\xff\xff\xff\xff\x30\0"),
        None
    );
}
