/** Faults about people, their sessions, and acts that need a second person. */
import type { FaultEntry } from './entry.ts'

export const administrationFaults = {
  session_ended: {
    status: 401,
    blame: 'client',
    text: 'The session has ended',
    remedy: 'Log in again',
  },
  csrf_token_invalid: {
    status: 403,
    blame: 'client',
    text: 'The header X-CSRF-Token is missing or not that of this session',
    remedy: 'Ask GET /api/v1/session for the token and send it with every change',
  },
  login_failed: {
    status: 403,
    blame: 'client',
    text: 'The login was not confirmed',
    remedy: 'Log in again',
  },
  passkey_refused: {
    status: 403,
    blame: 'client',
    text: 'The passkey was not accepted',
    remedy: 'Try again; if that does not help, log in at the provider and look at your passkeys',
  },
  passkey_needed: {
    status: 403,
    blame: 'client',
    text: 'This act needs a fresh passkey of the person who does it',
    remedy:
      'Do it in the console, which asks for the passkey; a program of a person sends it again with X-Passkey-Assertion for the X-Passkey-Challenge of this answer. An API key can only propose what takes two people',
  },
  passkey_code_wrong: {
    status: 403,
    blame: 'client',
    text: 'Without another passkey of yours this takes a code that an administrator gives you',
    remedy:
      'Ask a system administrator, who makes one under People, for you, once, for a day; after ten wrong ones you wait 15 minutes',
  },
  fresh_login_needed: {
    status: 403,
    blame: 'client',
    text: 'This needs a login of the last ten minutes',
    remedy: 'Sign out, log in again, and do it then',
  },
  login_provider_failed: {
    status: 502,
    blame: 'server',
    text: 'The login provider does not answer as it should',
    remedy: 'Try again later; the operator has to look at the provider and the login settings',
  },
  not_in_person: {
    status: 403,
    blame: 'client',
    text: 'This must be done by a person who is logged in',
    remedy: 'Log in and do it there; no API key can',
  },
  installation_code_wrong: {
    status: 403,
    blame: 'client',
    text: 'This is not an installation code that can be redeemed',
    remedy:
      'Enter the code from the file that the operator handed to you; after ten wrong ones you wait 15 minutes',
  },
  key_without_person: {
    status: 403,
    blame: 'client',
    text: 'This API key stands for no person',
    remedy: 'Log in and do it there, or use a key that an active administrator made',
  },
  not_proposer: {
    status: 403,
    blame: 'client',
    text: 'Only who proposed this can withdraw it',
    remedy: 'Reject it as a second person instead',
  },
  not_second_person: {
    status: 403,
    blame: 'client',
    text: 'A second person has to do this',
    remedy: 'Ask another person with one of the roles',
  },
  content_not_granted: {
    status: 403,
    blame: 'client',
    text: 'A second auditor has to agree before this content is shown',
    remedy:
      'Ask for it with case and reason; once another auditor with content has agreed it can be read for a day',
  },
  record_is_secret: {
    status: 403,
    blame: 'client',
    text: 'This record is under a secret contract',
    remedy:
      "Somebody with the role XROAD_SECRECY_AUDITOR can see it where the contract names this server's owner; its place in the log is proved all the same",
  },
  audit_order_refused: {
    status: 400,
    blame: 'client',
    text: 'The audit order is not taken',
    remedy:
      'Read the reason; an order in time, within its bounds, signed by the key that is pinned for its authority is taken',
  },
  audit_answer_wrong: {
    status: 400,
    blame: 'client',
    text: 'The answer to an audit order is not what it has to be',
    remedy: 'Read what does not fit, and ask the operator of the server that answered',
  },
  decryption_failed: {
    status: 400,
    blame: 'client',
    text: 'This was not encrypted to this key, or was changed since',
    remedy: 'Use the private key whose public key the order names',
  },
  invalid_contract: {
    status: 400,
    blame: 'client',
    text: 'The service contract is not well formed',
    remedy: 'Correct the field that is named and propose it again',
  },
  contract_not_possible: {
    status: 409,
    blame: 'client',
    text: 'The service contract does not allow this now',
    remedy: 'Read its state and newest content again, and decide on that',
  },
  hosting_mandates_full: {
    status: 409,
    blame: 'client',
    text: 'The lists that servers get have no place for another hosting mandate of a whole member',
    remedy: 'End mandates that nobody needs; one for a single subsystem is in no list and can be given',
  },
  contract_seal_wrong: {
    status: 400,
    blame: 'client',
    text: 'The seal does not belong to this service contract',
    remedy: 'Seal the content whose hash the registry shows, by the signing key of a member that is a party',
  },
  contact_not_confirmed: {
    status: 409,
    blame: 'client',
    text: 'The address of this contact is not confirmed by that',
    remedy: 'Enter the code of the newest letter to this address, or have a letter sent again',
  },
  mail_address_refused: {
    status: 502,
    blame: 'server',
    text: 'The mail server takes nothing for this address',
    remedy: 'Correct the address, then send the message again from the outbox',
  },
  mail_refused: {
    status: 502,
    blame: 'server',
    text: 'The mail server does not take this message',
    remedy: 'Correct the address, then send the message again from the outbox',
  },
  mail_failed: {
    status: 502,
    blame: 'server',
    text: 'The message could not be sent',
    remedy: 'It is tried again; the operator has to look at the mail server and the mail settings',
  },
  second_signatory_needed: {
    status: 403,
    blame: 'client',
    text: 'A second mandated person has to agree to this',
    remedy: 'Ask another signatory, whose API key neither made yours nor was made by it',
  },
  backup_invalid: {
    status: 400,
    blame: 'client',
    text: 'The backup does not hold',
    remedy: 'Take another backup, or the key under which this one was made',
  },
  request_repeated: {
    status: 409,
    blame: 'client',
    text: 'This request was taken up before, and is not carried out a second time',
    remedy:
      'Read what there is now, or the audit log from that time on; to do it once more all the same, send it anew',
  },
  registry_restored: {
    status: 409,
    blame: 'client',
    text: 'This registry was restored and waits until two administrators have accepted it',
    remedy: 'Accept the restored registry first; reading is possible meanwhile',
  },
  no_try_outs: {
    status: 403,
    blame: 'client',
    text: 'Nobody may try services as this client from here',
    remedy: 'The operator names the clients for whom this is allowed in the setting tryOuts.clients',
  },
  untryable_description: {
    status: 502,
    blame: 'server',
    text: "The provider's description of the service cannot be shown as forms",
    remedy: 'Write the call by hand, or tell the provider what is wrong with the document',
  },
  unreadable_metadata: {
    status: 502,
    blame: 'server',
    text: 'The provider did not say what it offers in the form that X-Road has for it',
    remedy: 'Tell the provider, or name the service by hand',
  },
} satisfies Record<string, FaultEntry>
