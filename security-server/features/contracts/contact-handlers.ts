/**
 * How a member's people manage the contacts of a contract: they enter the code from a letter, or have the
 * letter sent again.
 */
import type { Handlers, OperationInput } from '#platform/http-service/openapi.ts'
import { nameOf } from '#platform/people/name-of.ts'
import { memberIdOf } from '#schemas/colon-identifiers.ts'
import { CONTRACT_DOCUMENT, type ContractState } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { KeptContract } from '../../global-configuration/contracts/verify-contract.ts'
import { checkInPerson } from './agree.ts'
import type { Needs } from './needs.ts'

export type Status = { contract: string; version: number; hash: string; state: ContractState }
export type Send = (
  path: Parameters<Needs['contracts']['send']>[0],
  q: { type: string; signer: string; document: object },
) => Promise<Status>

export function contactHandlers(
  rooms: Pick<Needs, 'apiKeys' | 'people'>,
  q: { versionsOf(contract: string): KeptContract[]; send: Send },
): Handlers {
  /** Throws `access_denied` unless a version of the contract names this contact of this member. */
  const contactOf = ({
    params,
    body,
  }: OperationInput): { contract: string; signer: string; email: string } => {
    const { member, email } = body as { member: string; email: string }
    const contract = params['id']!.toLowerCase()
    const signer = idText(memberIdOf(member))
    const isNamed = q
      .versionsOf(contract)
      .some(({ content }) => content.contacts.some((one) => one.member === signer && one.email === email))
    if (!isNamed)
      throw new Fault('access_denied', { what: say`the contract names no such contact of this member` })
    return { contract, signer, email }
  }

  return {
    /** The caller is known to this server: that makes the address one of the member's. */
    async confirmContact(input) {
      await checkInPerson(input.caller, rooms)
      const { signer, ...contact } = contactOf(input)
      const { code } = input.body as { code: string }
      const document = { ...contact, code: code.trim(), person: nameOf(input.caller) }
      return q.send('/contacts/confirmations', { type: CONTRACT_DOCUMENT.confirmation, signer, document })
    },
    async sendContactLetter(input) {
      const { signer, ...document } = contactOf(input)
      return q.send('/contacts/letters', { type: CONTRACT_DOCUMENT.letter, signer, document })
    },
  }
}
