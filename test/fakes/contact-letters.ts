/** The e-mail that contacts of contracts get, and the members' answers. */

import type { ContractContent } from '#schemas/contract.ts'
import { until } from '#test/until.ts'
import { type ContractWorld, options, post } from './contract-world.ts'
import { contractDocument } from './contracts.ts'
import type { FakeMailServer } from './mail-server.ts'
import { GUEST, OWNER } from './request-world.ts'

export const DESK = 'desk@tax.example'
export const OFFICE = 'Office@Gov.example'
export const DAY = 86_400_000
export const contacts: ContractContent['contacts'] = [
  { member: GUEST, name: 'Contract desk', email: DESK },
  { member: OWNER, name: 'Office', email: OFFICE },
]
export const WRONG = '0000-0000-0000-0000-0000-0000-0000-0000'

/** The codes sent to an address, oldest first. */
export const codesTo = (mail: FakeMailServer, address: string): string[] => {
  const codes = mail.received
    .filter(({ to }) => to[0]?.toLowerCase() === address.toLowerCase())
    .flatMap(({ raw }) => /Code: ([0-9a-f-]{39})/.exec(raw.replace(/=\r\n/g, ''))?.[1] ?? [])
  // A letter goes out at least once: a clock that is moved on while one is sent makes it two.
  return [...new Set(codes)]
}
export const confirm = (
  w: ContractWorld,
  content: ContractContent,
  signer: string,
  q: { email?: string; code: string },
) => {
  const { contract } = content
  const document = { contract, email: DESK, person: 'Anna (1)', ...q }
  return post(w, '/contacts/confirmations', contractDocument('confirmation', document, options(w, signer)))
}
export const again = (w: ContractWorld, { contract }: ContractContent, signer: string, email = DESK) =>
  post(w, '/contacts/letters', contractDocument('letter', { contract, email }, options(w, signer)))
/** The contacts of the newest version, as administrators see them. */
export const seen = async ({ node }: ContractWorld, { contract }: ContractContent) => {
  const { versions } = (await node.must('GET', `/contracts/${contract}`)) as {
    versions: { contacts?: { state: string }[]; contactsMissing?: string[]; contentHash: string }[]
  }
  return versions.at(-1)!
}
export const statesOf = async (w: ContractWorld, content: ContractContent) =>
  (await seen(w, content)).contacts?.map(({ state }) => state)
// A letter that failed is tried again up to five minutes later, by a clock that each look moves by a second.
const PASSING_MS = 400_000
/** Moves the world's clock until `holds` is true: back-off and jobs count by it. */
export const passing = (
  { world }: ContractWorld,
  holds: () => boolean | Promise<boolean>,
): Promise<boolean> =>
  until(
    `${holds}`,
    async () => {
      world.clock.now += 1000
      return holds()
    },
    { deadlineMs: PASSING_MS },
  )
/** Waits until no letter is under way: one that is sent again after the clock leapt has a new code. */
export const settled = ({ node }: ContractWorld): Promise<boolean> =>
  until('no letter is under way', async () => {
    const { messages } = (await node.must('GET', '/mail-delivery')) as { messages: Record<string, number> }
    return messages['WAITING'] === 0
  })
/** Another service for each contract, so that contracts do not overlap. */
export const service = (serviceCode: string): Pick<ContractContent, 'services'> => ({
  services: [{ serviceCode, endpoints: [{ method: 'GET', path: '/**' }] }],
})
export const sent = (mail: FakeMailServer, address: string, count: number) => () =>
  codesTo(mail, address).length >= count
