/**
 * The documents of service descriptions. A new one is shown first, as what it would change; a person applies
 * exactly that by its digest.
 */
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import { type Answer, answer, type RefusalBody } from '#platform/http-service/answer.ts'
import { publicFault } from '#platform/http-service/fault-answer.ts'
import type { Handlers, OperationInput } from '#platform/http-service/openapi.ts'
import { bodyBytes } from '#platform/http-service/read-bodies.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { HEADER } from '#schemas/wire.ts'
import { takesDocuments } from '../../global-configuration/registration/verify-answer.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import type { DescriptionChange, FetchedFrom } from '../../local-systems/description-change.ts'
import { descriptionIn } from '../../local-systems/manage.ts'
import type { ServiceDescription } from '../../local-systems/view.ts'
import { affectedContracts } from './affected-contracts.ts'
import { changeView, recorded, type Shown } from './change-view.ts'
import { fetchDescription } from './fetch-description.ts'
import { judgeAlone } from './judge-alone.ts'
import type { Needs } from './needs.ts'
import { checkNotSwitched } from './switched-services.ts'
import { viewsWith } from './views.ts'

/** The refusals whose answer holds what would change. */
const SHOWN_WITH: ReadonlySet<FaultCode> = new Set(['description_changed', 'warnings_not_ignored'])

/** `from` is undefined for a document that somebody sends: where others come from stays. */
type Source = { document: string; from?: FetchedFrom }

type Acceptance = { accept: string; ignoreWarnings?: boolean }

export function documentHandlers(rooms: Needs & { audit: Pick<AuditLog, 'before'> }): Handlers {
  const { localSystems } = rooms
  const show = viewsWith(rooms)
  const descriptionOf = (params: Record<string, string>) =>
    descriptionIn(localSystems.view(), Number(params['id']))

  const shownOf = (description: ServiceDescription, change: DescriptionChange): Shown => {
    const { asOf, contracts } = rooms.contracts.view()
    const snapshot = inForce(rooms.globalConfiguration)
    // An instance without our registry has no service contracts.
    const isKnown = asOf !== undefined || (snapshot !== undefined && !takesDocuments(snapshot))
    return changeView(description, change, isKnown ? affectedContracts(contracts, change) : undefined)
  }
  const compared = async (description: ServiceDescription, { document, from }: Source): Promise<Shown> =>
    shownOf(description, await localSystems.compareDocument(description.id, document, from))

  async function apply(
    description: ServiceDescription,
    { document, from }: Source,
    { accept, ignoreWarnings = false }: Acceptance,
    { caller: { id, name }, ...call }: Pick<OperationInput, 'caller' | 'approver' | 'params' | 'body'>,
  ): Promise<Answer<RefusalBody> | ReturnType<typeof show.description>> {
    checkNotSwitched(description)
    let shown: Shown | undefined
    const judge = await judgeAlone(rooms, 'replaceServiceDescriptionDocument', call)
    try {
      await localSystems.replaceDocument(
        description.id,
        document,
        async (change, transaction) => {
          judge(localSystems.view())
          shown = shownOf(description, change)
          if (shown.digest !== accept) throw new Fault('description_changed')
          if (shown.warnings.length > 0 && !ignoreWarnings) throw new Fault('warnings_not_ignored')
          const target = `service description ${description.id}`
          const data = recorded(shown)
          await rooms.audit.before(
            { caller: { id, name }, operation: 'applyServiceDescription', target, data },
            transaction,
          )
        },
        from,
      )
    } catch (thrown) {
      // What was approved is done or fails: nobody accepts something else then.
      if (!(thrown instanceof Fault) || !SHOWN_WITH.has(thrown.code) || call.approver !== undefined)
        throw thrown
      const { status, code } = thrown
      const headers = { [HEADER.error]: code }
      return answer({ ...publicFault(thrown, undefined), change: shown }, { status, headers })
    }
    return show.description(descriptionIn(localSystems.view(), description.id))
  }

  return {
    async refreshServiceDescription({ params }) {
      const description = descriptionOf(params)
      return compared(description, await fetched(description, description.url, rooms))
    },
    async acceptRefreshedDocument(input) {
      const description = descriptionOf(input.params)
      const source = await fetched(description, description.url, rooms)
      return apply(description, source, input.body as Acceptance, input)
    },
    async compareServiceDescriptionAddress({ params, body }) {
      const description = descriptionOf(params)
      return compared(description, await fetched(description, (body as { url: string }).url, rooms))
    },
    async changeServiceDescriptionAddress(input) {
      const description = descriptionOf(input.params)
      const { url, ...acceptance } = input.body as { url: string } & Acceptance
      return apply(description, await fetched(description, url, rooms), acceptance, input)
    },
    async getServiceDescriptionDocument({ params }) {
      const { document } = descriptionOf(params)
      if (document === '') throw new Fault('not_found', { what: say`this description has no document` })
      return Buffer.from(document)
    },
    compareServiceDescriptionDocument: async ({ params, body }) =>
      compared(descriptionOf(params), { document: textOf(bodyBytes(body)) }),
    replaceServiceDescriptionDocument: async (input) =>
      apply(
        descriptionOf(input.params),
        { document: textOf(bodyBytes(input.body)) },
        input.query as Acceptance,
        input,
      ),
  }
}

async function fetched({ type }: ServiceDescription, url: string, rooms: Needs): Promise<Source> {
  if (type === 'REST' || url === '')
    throw new Fault('conflict', { what: say`this description has no document to fetch` })
  const { document, ...more } = await fetchDescription(type, url, rooms)
  return { document, from: { url, ...more } }
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new Fault('invalid_input', { what: say`the document is not UTF-8`, cause })
  }
}
