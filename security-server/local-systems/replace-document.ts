/**
 * Compares a new document with a service description, and applies it: only what was agreed to, for exactly
 * the services, endpoints and rights that are there at that moment.
 */
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import {
  changeOf,
  changesNothing,
  codeOf,
  type DescriptionChange,
  type DocumentSummary,
  type FetchedFrom,
} from './description-change.ts'
import { descriptionIn, type Manage, timeOf } from './manage.ts'
import { readOpenApi } from './read-openapi.ts'
import { readWsdl } from './read-wsdl.ts'
import { type NewService, serviceRows } from './service-rows.ts'
import * as store from './services/store.ts'
import type { Transaction } from './store.ts'
import type { WsdlSummary } from './summarise-wsdl.ts'
import { checkStillValidates } from './validation/check-compiles.ts'
import type { ServiceDescription, View } from './view.ts'

/**
 * Agrees to a change, or throws. Everything that it does is done in the transaction, which may be run again.
 */
type Agree = (change: DescriptionChange, transaction: Transaction) => Promise<void>

export type ReplaceDocument = {
  /**
   * What the document would change in the description. Throws as `replaceDocument`; nothing is changed.
   */
  compareDocument(description: number, document: string, from?: FetchedFrom): Promise<DescriptionChange>
  /**
   * Stores a new version of a description's document if `agree` agrees to what it changes. OPENAPI: the
   * endpoints are updated; those that stay keep their rights. WSDL: the services are updated; those that stay
   * keep their address, settings and rights. Throws `invalid_input`, `conflict`, `service_missing_url`,
   * `service_malformed_url`, and what `agree` throws. `from`: from where it is fetched from now on.
   */
  replaceDocument(description: number, document: string, agree: Agree, from?: FetchedFrom): Promise<void>
}

type Read = DocumentSummary & { published: string; wsdl: WsdlSummary | undefined }
type Compared = {
  view: View
  description: ServiceDescription
  change: DescriptionChange
  added: NewService[]
}

/** How often others may change something while a change is applied. */
const MAX_TRIES = 5

export function replaceDocuments(manage: Manage): ReplaceDocument {
  /** Reads both documents, and compares them as often as it is called. */
  async function comparing(
    id: number,
    text: string,
    from: FetchedFrom | undefined,
  ): Promise<{ next: Read; compare(): Promise<Compared> }> {
    const { type } = describedIn(manage.view(), id)
    const next = await read(type, text)
    let known: { document: string; summary: Read | undefined } | undefined
    const presentOf = async (document: string): Promise<Read | undefined> => {
      if (known?.document !== document)
        known = { document, summary: document === text ? next : await readIfPossible(type, document) }
      return known.summary
    }
    return {
      next,
      async compare() {
        for (;;) {
          const { document } = describedIn(manage.view(), id)
          const present = await presentOf(document)
          const view = manage.view()
          const description = describedIn(view, id)
          if (description.document !== document) continue
          const added = addedServices(view, description, next.wsdl, manage)
          const change = changeOf(description, { text, from, next, present }, added)
          return { view, description, added, change }
        }
      },
    }
  }

  return {
    async compareDocument(id, text, from) {
      const { next, compare } = await comparing(id, text, from)
      const { description, change } = await compare()
      await checkStillValidates(description, next.published)
      return change
    },
    async replaceDocument(id, text, agree, from) {
      const { next, compare } = await comparing(id, text, from)
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const { view, description, change, added } = await compare()
        await checkStillValidates(description, next.published)
        const isDone = await manage.changeOf(view, async (transaction) => {
          await agree(change, transaction)
          if (changesNothing(change)) return
          const row = {
            ...{ document: text, published: next.published, updated_at: timeOf(manage) },
            parts: JSON.stringify(change.document.parts ?? []),
            ...(change.address !== undefined && { url: change.address.to }),
          }
          await store.updateDescription(transaction, id, row)
          if (description.type === 'WSDL') await replaceServices(transaction, description, change, added)
          else
            for (const { key } of description.services)
              await store.replaceDocumentEndpoints(transaction, key, next.endpoints)
        })
        if (isDone) return
      }
      throw new Fault('conflict', { what: say`others change the services of this server at the same time` })
    },
  }
}

async function replaceServices(
  transaction: Transaction,
  { id, services }: ServiceDescription,
  { services: { removed } }: DescriptionChange,
  added: NewService[],
): Promise<void> {
  const gone = new Set(removed.map(({ service }) => service))
  for (const { key, service } of services)
    if (gone.has(service.id)) await store.deleteService(transaction, key)
  for (const row of added) await store.insertService(transaction, { ...row, description: id })
}

function describedIn(view: View, id: number): ServiceDescription {
  const description = descriptionIn(view, id)
  if (description.type === 'REST')
    throw new Fault('conflict', { what: say`this service description has no document` })
  return description
}

/** Throws `conflict` when another description of the client has a service of the same name. */
function addedServices(
  view: View,
  { client, services }: ServiceDescription,
  wsdl: WsdlSummary | undefined,
  manage: Manage,
): NewService[] {
  if (wsdl === undefined) return []
  const present = new Set(services.map(({ service }) => codeOf(service.id)))
  const isNew = ({ code, version }: WsdlSummary['services'][number]) =>
    !present.has(codeOf({ serviceCode: code, serviceVersion: version }))
  const added = wsdl.services.filter(isNew)
  const taken = added.find(({ code, version }) =>
    view.services.has(idText({ ...client, serviceCode: code, serviceVersion: version })),
  )
  if (taken !== undefined)
    throw new Fault('conflict', { what: say`the client has a service ${taken.code} already` })
  return serviceRows({ services: added }, idText(client), {}, manage)
}

async function read(type: ServiceDescription['type'], text: string): Promise<Read> {
  if (type === 'WSDL') {
    const wsdl = await readWsdl(text)
    const services = wsdl.services.map(({ code, version, title, url }) => ({
      ...{ code: codeOf({ serviceCode: code, serviceVersion: version }), title, url },
    }))
    return { facts: {}, services, endpoints: [], warnings: wsdl.warnings, published: wsdl.published, wsdl }
  }
  const { openapi, title, version, serverUrl, endpoints, warnings, published } = await readOpenApi(text)
  const facts = { title, version, openapi }
  const services = [{ code: undefined, title: '', url: serverUrl }]
  return { facts, services, endpoints, warnings, published, wsdl: undefined }
}

/** A document in force may be one that an earlier version of this program read otherwise. */
async function readIfPossible(type: ServiceDescription['type'], text: string): Promise<Read | undefined> {
  try {
    return await read(type, text)
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return undefined
  }
}
