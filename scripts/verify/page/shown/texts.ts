/** The texts that the page shows for verdicts. The reasons next to them come from the verifier. */

export const VERDICTS: Record<string, { tone: Tone; head: string; words: string }> = {
  'TOTAL-PASSED': {
    tone: 'good',
    head: 'All of it holds',
    words:
      'Every check was made and none failed: what is shown is what was signed, by whom and when it says.',
  },
  'TOTAL-FAILED': {
    tone: 'bad',
    head: 'This is not what was signed',
    words:
      'At least one check failed: something was altered, left out or never was evidence. Do not rely on it. Ask for the evidence again from where it was made.',
  },
  INDETERMINATE: {
    tone: 'warn',
    head: 'Not proved',
    words:
      'Something that the proof needs is missing or too weak. That alone is no sign of tampering; what is missing is said below.',
  },
}

/** Shown in place of the good verdict when a line below it is not proved: green stands above green lines only. */
export const PARTLY_PROVED = {
  tone: 'warn',
  head: 'Signed and whole, but not all of it is proved',
  words:
    'Nothing was altered or left out. Yet each line below that is marked as not proved rests on the word of whoever made the evidence.',
} as const

export type Tone = 'good' | 'warn' | 'bad'

/** The meaning of the sub-indications of ETSI EN 319 102-1, as in docs/validation-policy.md. */
export const SUB_INDICATIONS: Record<string, string> = {
  HASH_FAILURE: 'What is shown is not what was signed, or not what the log committed to.',
  SIG_CRYPTO_FAILURE: 'A signature was not made by the key that it names, or over something else.',
  FORMAT_FAILURE: 'The file cannot be read as what it should be.',
  NOT_YET_VALID: "It was stamped before the signer's certificate began.",
  SIGNED_DATA_NOT_FOUND:
    'The content was erased, or only its digests were kept. Its place in the log is proved.',
  NO_POE: 'Nothing proves when a signature, or the signed state of the log, was made.',
  REVOKED_NO_POE: 'A certificate was revoked by the time that is proved.',
  REVOKED_CA_NO_POE: 'A certificate of the authority was revoked by the time that is proved.',
  OUT_OF_BOUNDS_NO_POE: 'A certificate had run out by the time that is proved.',
  CRYPTO_CONSTRAINTS_FAILURE: 'An algorithm or key is too weak.',
  CRYPTO_CONSTRAINTS_FAILURE_NO_POE: 'An algorithm or key was too weak by the time that is proved.',
  NO_CERTIFICATE_CHAIN_FOUND: 'No authority that the configuration approves stands behind a certificate.',
  CERTIFICATE_CHAIN_GENERAL_FAILURE: 'The path from a certificate to its authority is refused.',
  CHAIN_CONSTRAINTS_FAILURE: 'A certificate is not for signing.',
  SIG_CONSTRAINTS_FAILURE:
    'It is signed by another member, or the signature does not cover all that is shown.',
  TIMESTAMP_ORDER_FAILURE: 'It was stamped before it was signed, or in the future.',
  TRY_LATER: 'The status of a certificate is not known for that time.',
}

export const OWN_CONFIGURATION =
  'Judged by the configuration that the evidence brought itself. Whoever forged the evidence could have forged that too: name one that you trust and check again.'

export const NEEDS_CONFIGURATION =
  'A container, or a statement, brings no configuration. Open "What to judge by" and choose verificationconf.zip, or shared-params.xml, from a source that you trust.'

export const STATES: Record<Tone, string> = {
  good: '\u2714 holds',
  warn: '? not proved',
  bad: '\u2718 fails',
}

export const KINDS: Record<string, string> = {
  container: 'message container',
  bundle: 'evidence bundle',
  archive: 'archive of a message log',
  statement: 'statement of reconciliation',
  export: 'export of a message log',
}
