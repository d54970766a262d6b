/** Says which contract would cover a call but is not in force yet, and which step it waits for. Pure. */
import { awaited } from '#core/contract/awaited.ts'
import { covers } from '#core/contract/endpoints.ts'
import { namedConsumers } from '#core/contract/parties.ts'
import { idText, type ServiceId, type SubsystemId, subsystemOf } from '#schemas/identifiers.ts'
import { type Said, say } from '#schemas/said.ts'
import type { KeptContract } from './verify-contract.ts'

type Call = { client: SubsystemId; service: ServiceId; method: string; path: string }

/** The states before a contract is in force. */
const OPEN: ReadonlySet<string> = new Set(['PROPOSED', 'ACCEPTED'])

/** The newest version when there are several; undefined when there is none. */
export function undecidedFor(
  all: readonly KeptContract[],
  call: Call,
): { what: Said; remedy: Said } | undefined {
  const found = all
    .filter((one) => OPEN.has(one.listed.state) && wouldCover(one, call))
    .toSorted((a, b) => b.content.version - a.content.version)[0]
  if (found === undefined) return undefined
  const { content, listed } = found
  const { waitsFor, contacts: states = [], contactsMissing: missing = [] } = listed
  const { what, remedy } = awaited(content, { waitsFor, states, missing }) ?? {
    what: say`waits for the approval of the registry`,
    remedy: say`ask the administrators of the registry`,
  }
  const name = `${content.contract}/${content.version}`
  return { what: say`the contract ${name} is ${listed.state} and ${what}`, remedy }
}

function wouldCover({ content, joined }: KeptContract, { client, service, method, path }: Call): boolean {
  const isBetween =
    content.provider === idText(subsystemOf(service)) &&
    [...namedConsumers(content), ...joined].includes(idText(client))
  return (
    isBetween &&
    content.services.some(
      ({ serviceCode, endpoints }) => serviceCode === service.serviceCode && covers(endpoints, method, path),
    )
  )
}
