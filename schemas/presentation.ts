/**
 * Why a presentation of a wallet is refused: the closed list that verdicts, their records and answers to
 * wallets use.
 */

/**
 * Each reason with the sentence that a record and a log line give; none of them quotes what a wallet sent.
 */
export const REFUSALS = {
  answer_malformed: 'The answer does not have the form that OpenID4VP gives it.',
  answer_too_large: 'The answer is larger than any that this verifier reads.',
  answer_not_encrypted: 'The answer had to be encrypted and is not.',
  answer_undecipherable: 'The answer is not encrypted to the key of this request.',
  state_mismatch: 'The answer names another request.',
  wallet_refused: 'The wallet, or the person with it, declined to answer.',
  request_ended: 'The answer came when the request had ended.',
  presentation_missing: 'What was asked for is not in the answer.',
  presentation_unasked: 'The answer holds a presentation that nobody asked for.',
  presentation_malformed: 'A presentation does not have the form of its format.',
  algorithm_refused: 'A signature uses an algorithm or key that is not accepted.',
  issuer_chain_malformed: 'The certificates of the issuer cannot be read.',
  trust_anchor_in_chain: 'The chain of the issuer holds its trust anchor.',
  issuer_untrusted: 'No trusted issuer of this type of credential stands behind it.',
  issuer_signature_invalid: 'The signature of the issuer does not verify.',
  credential_type_mismatch: 'The credential is of another type than was asked for.',
  credential_expired: 'The credential has expired.',
  credential_not_yet_valid: 'The credential is not valid yet.',
  disclosures_too_many: 'There are more disclosures than this verifier reads.',
  disclosure_malformed: 'A disclosure does not have its form.',
  disclosure_repeated: 'A digest or a disclosure stands twice.',
  disclosure_unreferenced: 'The issuer signed no digest of a disclosure.',
  disclosure_forbidden: 'A disclosure hides or replaces a claim that must be in the open.',
  holder_key_missing: 'The credential names no key of its holder that can be used.',
  key_binding_missing: 'The holder signed nothing.',
  key_binding_malformed: 'What the holder signed does not have its form.',
  key_binding_signature_invalid: 'The signature of the holder does not verify.',
  key_binding_nonce_mismatch: 'The holder signed for another request.',
  key_binding_audience_mismatch: 'The holder signed for another verifier.',
  key_binding_too_old: 'The holder signed before the request was made.',
  key_binding_in_future: 'The holder signed at a time that has not come.',
  key_binding_digest_mismatch: 'The holder signed other disclosures than were sent.',
  transaction_data_mismatch: 'The holder did not sign the transaction that was asked for.',
  nonce_unbound: 'The nonce, which the holder of each credential signs, does not commit to the agreement.',
  transaction_ended: 'The transaction had ended before it was agreed to.',
  persons_differ: 'The credentials are not shown to be of one person.',
  digest_mismatch: 'An element is not the one that the issuer signed.',
  device_signature_missing: 'The device did not sign, or only authenticated by a code.',
  device_signature_invalid: 'The device did not sign this session.',
  status_missing: 'The credential names no status, which its issuer must give.',
  status_unavailable: 'The status list could not be had.',
  status_list_malformed: 'The status list does not have its form.',
  status_list_untrusted: 'The status list is not signed by a trusted issuer.',
  status_list_expired: 'The status list is too old.',
  status_out_of_range: 'The status list has no entry for the credential.',
  credential_revoked: 'The credential is revoked.',
  credential_suspended: 'The credential is suspended.',
  status_unknown: 'The status of the credential has no meaning here.',
  claim_missing: 'A claim that was asked for is not in the presentation.',
  claim_value_mismatch: 'A claim has another value than was asked for.',
  record_malformed: 'The record does not have its form.',
  request_signature_invalid: 'The request in the record is not signed by its verifier.',
  verifier_untrusted: 'No expected verifier stands behind the request in the record.',
  record_differs: 'The record says otherwise than what it holds.',
} as const

/** One reason of the closed list. */
export type RefusalReason = keyof typeof REFUSALS
