/**
 * Consents for those who run them: on and off, and in numbers. No operation gives a consent, and none names a
 * person but to who may read contents.
 */
import type { Handlers, OperationInput } from '#platform/http-service/openapi.ts'
import { colonForm, subsystemIdOf } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type SubsystemId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { demandsOf } from './demands.ts'
import { previewCounts, previewHandlers } from './previews/handlers.ts'
import type { ConsentRooms } from './rooms.ts'
import { stateOf } from './state-of.ts'
import { serviceOf, switchOff, switchOn } from './switch-service.ts'
import { documentOf } from './view-consent.ts'
import { proofOf } from './view-proof.ts'

/** What a wallet presented names the person, as contents of messages do. */
const CONTENT_ROLE = 'XROAD_CONTENT_AUDITOR'

export function consentHandlers(rooms: ConsentRooms): Handlers {
  const { localSystems, store } = rooms
  const viewOf = async (subsystem: SubsystemId) => {
    const id = idText(subsystem)
    const demanded = demandsOf(id, rooms).map(({ view }) => [view.contract.id, view.contract.title] as const)
    const titles = new Map(demanded)
    await rooms.taking.write().catch(() => undefined)
    const counts = new Map(
      (await store.counts(id, new Date(rooms.clock()).toISOString())).map((one) => [one.contract, one]),
    )
    const none = { given: 0, inForce: 0, withdrawn: 0, calls: 0 }
    return {
      clientId: colonForm(id),
      isOn: serviceOf(subsystem, rooms) !== undefined,
      previews: await previewCounts(id, rooms),
      contracts: [...new Set([...titles.keys(), ...counts.keys()])].map((contract) => ({
        ...{ ...none, ...counts.get(contract), contract },
        title: titles.get(contract) ?? null,
        isDemanded: titles.has(contract),
      })),
    }
  }

  return {
    ...previewHandlers(rooms),
    getConsentServices: () =>
      Promise.all(
        [...localSystems.view().clients.values()].flatMap(({ id }) =>
          id.subsystemCode === undefined ? [] : [viewOf(id as SubsystemId)],
        ),
      ),
    switchConsentsOn: async ({ params }) => {
      const subsystem = subsystemIdOf(params['clientId'])
      await switchOn(subsystem, rooms)
      return viewOf(subsystem)
    },
    switchConsentsOff: ({ params }) => switchOff(subsystemIdOf(params['clientId']), rooms),
    getConsentByNumber: async ({ params, query, caller }) => {
      const row = await store.byNumber(params['id']!.toLowerCase())
      if (row === undefined) throw new Fault('not_found', { what: say`there is no consent with this number` })
      const { withdrawn_at: withdrawnAt, withdrawn_record: withdrawnRecord } = row
      const { proof = null, saved } = (await proofOf(row, rooms)) ?? {}
      const document = documentOf(row)
      const isShown =
        saved !== undefined && (await maySeeSaved(document.givenRecord, { query, caller }, rooms))
      return {
        ...{ number: row.number, state: stateOf(row, rooms.clock()), digest: row.digest },
        document,
        ...{ uses: row.uses, lastUse: row.last_use, withdrawnAt, withdrawnRecord, proof },
        ...(isShown && { saved }),
      }
    },
  }
}

/**
 * It came with the exchange in which the consent was given, so whoever was granted that exchange sees it.
 * Throws `content_not_granted`.
 */
async function maySeeSaved(
  record: number,
  { query, caller }: Pick<OperationInput, 'query' | 'caller'>,
  { contentRequests }: Pick<ConsentRooms, 'contentRequests'>,
): Promise<boolean> {
  if (!caller.roles.includes(CONTENT_ROLE)) return false
  if (!contentRequests.isRequired) return true
  const { case: number } = query as { case?: string }
  if (number === undefined) return false
  const target = await contentRequests.targetOf('index', record, caller, { case: number })
  await contentRequests.check({ target, case: number, caller })
  return true
}
