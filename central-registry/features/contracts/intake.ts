/**
 * Handlers for members at the registration listener: proposals, seals, acts, and what a server fetches for
 * its clients. Every proof is verified before a row changes, and only parties learn that a contract exists.
 */
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { ContractItems, ContractList } from '#schemas/contract.ts'
import { CONTRACT_DOCUMENT } from '#schemas/contract.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { approvedNow, type DocumentRooms } from '../../documents/approved-now.ts'
import type { ContractRow } from '../../register/tables.ts'
import type { ContractContacts } from './contacts-store.ts'
import type { DistributionStore } from './distribution-store.ts'
import {
  verifyAct,
  verifyConfirmation,
  verifyFetch,
  verifyFreshSeal,
  verifyLetter,
  verifyProposal,
  verifyQuery,
} from './documents.ts'
import type { ContractStore } from './store.ts'

type ContractIntakeRooms = DocumentRooms & {
  store: ContractStore
  contacts: ContractContacts
  distribution: DistributionStore
  /** Signs a document with the active configuration signing key. */
  signDocument(document: object, type: string): Promise<string>
  count(
    purpose: 'proposal' | 'seal' | 'act' | 'confirmation' | 'letter' | 'query' | 'fetch',
    outcome: string,
  ): void
}

/**
 * A fetch returns at least one item, and stops when it has this many bytes; the server asks for the rest
 * again.
 */
const MAX_ITEMS_BYTES = 2 * 1024 * 1024

export function contractIntakeHandlers(rooms: ContractIntakeRooms): Record<string, OperationHandler> {
  const { store, contacts, distribution, clock } = rooms
  const counted =
    (purpose: Parameters<typeof rooms.count>[0], act: (body: Buffer, now: number) => Promise<unknown>) =>
    async ({ body }: { body: unknown }): Promise<unknown> => {
      try {
        if (!Buffer.isBuffer(body))
          throw new Fault('malformed_json', { what: say`a signed document is needed` })
        const answer = await act(body, clock())
        rooms.count(purpose, 'ok')
        return answer
      } catch (thrown) {
        rooms.count(purpose, asFault(thrown).code)
        throw thrown
      }
    }
  const trustAt = async (now: number) => ({ configuration: await approvedNow(rooms), now })

  return {
    proposeContract: counted('proposal', async (body, now) =>
      statusOf(await store.propose(verifyProposal(body, await trustAt(now)), now)),
    ),
    sealContract: counted('seal', async (body, now) =>
      statusOf(await store.seal(verifyFreshSeal(body, await trustAt(now)), body, now)),
    ),
    actOnContract: counted('act', async (body, now) =>
      statusOf(await store.memberAct(verifyAct(body, await trustAt(now)), now)),
    ),
    confirmContact: counted('confirmation', async (body, now) =>
      statusOf(await contacts.confirm(verifyConfirmation(body, await trustAt(now)), now)),
    ),
    sendContactLetter: counted('letter', async (body, now) =>
      statusOf(await contacts.sendAgain(verifyLetter(body, await trustAt(now)), now)),
    ),
    listContracts: counted('query', async (body, now) => {
      const trust = await trustAt(now)
      const asked = verifyQuery(body, trust)
      const { id, server } = asked
      await distribution.takeQuestion(asked, now)
      const { policy, contracts, hostingMandates } = await distribution.listFor(server, now)
      const list: ContractList = {
        instance: trust.configuration.instance,
        server,
        answers: id,
        generatedAt: new Date(now).toISOString(),
        contractRequired: policy.contractRequired,
        contracts,
        ...(hostingMandates !== undefined && { hostingMandates }),
      }
      return Buffer.from(await rooms.signDocument(list, CONTRACT_DOCUMENT.list))
    }),
    fetchContracts: counted('fetch', async (body, now): Promise<ContractItems> => {
      const asked = verifyFetch(body, await trustAt(now))
      const { server, hashes } = asked
      await distribution.takeQuestion(asked, now)
      const items: ContractItems['items'] = []
      let bytes = 0
      for (const { sha256, content } of await distribution.itemsFor(server, hashes, now)) {
        bytes += content.length
        if (items.length > 0 && bytes > MAX_ITEMS_BYTES) break
        items.push({ sha256, content: content.toString('base64') })
      }
      return { items }
    }),
  }
}

function statusOf(row: ContractRow) {
  const { contract, version, hash, state } = row
  return { contract, version, hash, state }
}
