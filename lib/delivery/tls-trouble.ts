import type { TlsVariables } from './tls-files.ts';

/** What an error of TLS means, and what to do. */
export interface TlsTrouble {
  readonly text: string;
  readonly fix: string;
}

export interface TlsAttempt {
  /** Host and port. */
  readonly place: string;
  /** The option of the address. */
  readonly variable?: string | undefined;
  /** The options of the files; without, Node's own variable for authorities is named. */
  readonly variables?: Partial<TlsVariables> | undefined;
  /** The error as it is repeated. */
  readonly told: string;
}

const CERTIFICATE_UNKNOWN = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
  // An authority of the same name with another key.
  'CERT_SIGNATURE_FAILURE',
]);

/** Alerts of a server that wants a certificate and got none (RFC 8446 §6.2; TLS 1.2 has no alert of its own for it). */
const CERTIFICATE_WANTED = /ALERT_(?:CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|NO_CERTIFICATE)$/;
/** Alerts of a server about the certificate that it was shown. */
const CERTIFICATE_REFUSED =
  /ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|CERTIFICATE_EXPIRED|CERTIFICATE_UNKNOWN|ACCESS_DENIED|DECRYPT_ERROR)$/;

/**
 * @param code of the error (Node, "Errors"; OpenSSL, verify(1) and the alerts of TLS)
 * @returns undefined for what is no trouble of certificates
 */
export function tlsTrouble(code: string, attempt: TlsAttempt): TlsTrouble | undefined {
  const { place, told } = attempt;
  const variable = attempt.variable ?? 'the address';
  const { ca, certificate, key } = attempt.variables ?? {};
  if (code === 'CERT_HAS_EXPIRED')
    return { text: `the certificate of ${place} has expired (${told})`, fix: 'renew it, and check the clocks' };
  if (code === 'CERT_NOT_YET_VALID')
    return { text: `the certificate of ${place} is not valid yet (${told})`, fix: 'check the clocks' };
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return {
      text: `the certificate of ${place} is for other names (${told})`,
      fix: `use one of its names in ${variable}, or a certificate with this one`,
    };
  }
  if (CERTIFICATE_UNKNOWN.has(code)) {
    return {
      text: `the certificate of ${place} is signed by nobody that is known here (${told})`,
      fix: `name the PEM file of its authority in ${ca ?? 'NODE_EXTRA_CA_CERTS'}`,
    };
  }
  if (CERTIFICATE_WANTED.test(code)) {
    return {
      text: `${place} wants a client certificate (${told})`,
      fix:
        certificate === undefined
          ? 'there is no option for one here'
          : `name PEM files of one and of its key in ${certificate} and ${key}`,
    };
  }
  if (CERTIFICATE_REFUSED.test(code)) {
    return {
      text: `${place} does not take our client certificate (${told})`,
      fix: `use one that is valid and signed by an authority that it knows, in ${certificate ?? variable}`,
    };
  }
  return undefined;
}
