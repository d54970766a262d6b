/** The operations that change service descriptions, services and endpoints. */
import type { Insertable } from 'kysely'
import { readCertificate } from '#core/certificate/certificate.ts'
import { checkPathGlob } from '#core/transport/service-path.ts'
import { Fault } from '#schemas/fault.ts'
import { checkNewCode, idText, type SubsystemId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { REST_METHODS } from '#schemas/wire.ts'
import { CONSENTS_URL, checkServiceUrl, TRACKER_URL, takesEvents } from './check-address.ts'
import type { DocumentPart } from './join-wsdl.ts'
import {
  changeJudged,
  clientIn,
  descriptionIn,
  type Judge,
  type Manage,
  serviceIn,
  serviceOfEndpoint,
  timeOf,
} from './manage.ts'
import { readOpenApi } from './read-openapi.ts'
import { readWsdl } from './read-wsdl.ts'
import { type ReplaceDocument, replaceDocuments } from './replace-document.ts'
import { columnsOf, newSettings, type ServiceChange, serviceRows } from './service-rows.ts'
import * as store from './services/store.ts'
import type { Transaction } from './store.ts'
import { ORIGIN, type ServiceDescriptionRow } from './tables.ts'
import { checkCompiles } from './validation/check-compiles.ts'

type NewDescription = {
  client: SubsystemId
  code: string
  /** The base address of the service; defaults to the first server of the OpenAPI document. */
  url?: string | undefined
  /** The OpenAPI document; with it the type of the description is OPENAPI. */
  document?: string | undefined
  /** The URL from which the document was fetched. */
  documentUrl?: string | undefined
  /** It is answered by this server's tracker, which has no other address. */
  isTracker?: true
  /** It is answered by this server, which keeps the consents of people. */
  isConsents?: true
} & ServiceChange

type NewWsdl = {
  client: SubsystemId
  document: string
  documentUrl?: string | undefined
  /** What was put into the document when it was fetched. */
  parts?: DocumentPart[]
  /** It is answered by this server's tracker, which has no other address. */
  isTracker?: true
} & ServiceChange

export type ManageServices = {
  /**
   * Adds a WSDL description with a service for each of its operations. All of them get `url` when it is
   * given, else the addresses in the document. Throws like `addDescription`.
   */
  addWsdl(q: NewWsdl): Promise<{ description: number; warnings: string[] }>
  /**
   * Adds one description with its one service; returns the keys of both. Throws `service_missing_url`,
   * `service_malformed_url`, `invalid_input`, or `conflict` when the client has a service with this code
   * already.
   */
  addDescription(q: NewDescription): Promise<{ description: number; service: number; warnings: string[] }>
  setDisabled(description: number, disabled: boolean, notice?: string): Promise<void>
  deleteDescription(description: number): Promise<void>
  /**
   * Changes a service, and in the fields `toAll` all services of its description. Throws `conflict` when a
   * service without a document is to be validated, `invalid_input` when its document cannot be compiled.
   */
  updateService(
    service: number,
    change: ServiceChange,
    q?: { toAll?: readonly (keyof ServiceChange)[]; judge?: Judge | undefined },
  ): Promise<void>
  /**
   * Adds a certificate that the service may present; with at least one, all others are refused. Returns its
   * SHA-256.
   */
  addServiceCertificate(service: number, bytes: Buffer, judge?: Judge): Promise<string>
  deleteServiceCertificate(service: number, sha256: string, judge?: Judge): Promise<void>
  addEndpoint(service: number, method: string, path: string): Promise<number>
  /**
   * Gives an endpoint that was added by hand another method and path; rights to it stay. Throws `conflict`
   * for any other, and where the service has this method and path already.
   */
  updateEndpoint(endpoint: number, to: store.NewEndpoint, judge?: Judge): Promise<void>
  deleteEndpoint(endpoint: number): Promise<void>
} & ReplaceDocument

export function manageServices(manage: Manage): ManageServices {
  return {
    async addDescription(q) {
      const client = clientIn(manage.view(), q.client)
      if (q.client.subsystemCode === undefined) {
        throw new Fault('invalid_input', { what: say`services belong to subsystems` })
      }
      const summary = q.document === undefined ? undefined : await readOpenApi(q.document)
      const kept = q.isTracker ? TRACKER_URL : q.isConsents ? CONSENTS_URL : undefined
      const address = kept ?? q.url ?? summary?.serverUrl
      if (address === undefined) throw new Fault('service_missing_url')
      const url = kept ?? checkServiceUrl(address, manage.own)
      const row: Insertable<ServiceDescriptionRow> = {
        client: idText(client.id),
        type: summary === undefined ? 'REST' : 'OPENAPI',
        url: summary === undefined ? url : (q.documentUrl ?? ''),
        // As in X-Road, a new description is disabled until its provider enables it.
        disabled: 1,
        disabled_notice: '',
        document: q.document ?? '',
        published: summary?.published ?? '',
        updated_at: timeOf(manage),
      }
      const settings = newSettings({ ...q, url })
      return manage.change(async (transaction) => {
        const description = await store.insertDescription(transaction, row)
        const service = await store.insertService(transaction, {
          description,
          client: row.client,
          code: checkNewCode(q.code),
          ...settings,
        })
        await store.replaceDocumentEndpoints(transaction, service, summary?.endpoints ?? [])
        return { description, service, warnings: summary?.warnings ?? [] }
      })
    },
    async addWsdl({ client, document, documentUrl = '', parts = [], ...given }) {
      clientIn(manage.view(), client)
      if (client.subsystemCode === undefined)
        throw new Fault('invalid_input', { what: say`services belong to subsystems` })
      const wsdl = await readWsdl(document)
      const rows = serviceRows(wsdl, idText(client), given, manage)
      const row: Insertable<ServiceDescriptionRow> = {
        ...{ client: idText(client), type: 'WSDL', url: documentUrl, document, published: wsdl.published },
        ...{ disabled: 1, disabled_notice: '', updated_at: timeOf(manage), parts: JSON.stringify(parts) },
      }
      return manage.change(async (transaction) => {
        const description = await store.insertDescription(transaction, row)
        for (const service of rows) await store.insertService(transaction, { ...service, description })
        return { description, warnings: wsdl.warnings }
      })
    },
    ...replaceDocuments(manage),
    async setDisabled(id, disabled, notice = '') {
      descriptionIn(manage.view(), id)
      await manage.change((transaction) =>
        store.updateDescription(transaction, id, {
          disabled: disabled ? 1 : 0,
          disabled_notice: disabled ? notice : '',
        }),
      )
    },
    async deleteDescription(id) {
      descriptionIn(manage.view(), id)
      await manage.change((transaction) => store.deleteDescription(transaction, id))
    },
    async updateService(key, change, { toAll = [], judge = () => undefined } = {}) {
      const whole = manage.view()
      const view = serviceIn(whole, key)
      const isSame = change.url === undefined || change.url === view.service.url
      const url = isSame ? change.url : checkServiceUrl(change.url!, manage.own)
      const given = { ...change, url }
      const own = columnsOf(given)
      const shared = columnsOf(Object.fromEntries(toAll.map((field) => [field, given[field]])))
      if (url !== undefined && takesEvents(url) && view.service.type === 'WSDL')
        throw new Fault('service_malformed_url', { what: say`inboxes and rooms are REST services` })
      const isValidated = change.validate !== undefined && change.validate !== 'NONE'
      if (isValidated) await checkCompiles(descriptionIn(whole, view.description))
      const act = async (transaction: Transaction): Promise<void> => {
        await store.updateService(transaction, key, own)
        if (Object.keys(shared).length > 0)
          await store.updateServicesOf(transaction, view.description, shared)
        if (url !== undefined && view.service.type === 'REST') {
          await store.updateDescription(transaction, view.description, { url, updated_at: timeOf(manage) })
        }
      }
      if (!isValidated) return changeJudged(manage, judge, act)
      judge(whole)
      // For exactly the document that was compiled.
      if (!(await manage.changeOf(whole, act)))
        throw new Fault('conflict', { what: say`others change the services of this server at the same time` })
    },
    async addServiceCertificate(service, bytes, judge = () => undefined) {
      serviceIn(manage.view(), service)
      const { sha256, der } = readCertificate(bytes)
      await changeJudged(manage, judge, (transaction) =>
        store.insertServiceCertificate(transaction, { service, sha256, der }),
      )
      return sha256
    },
    async deleteServiceCertificate(key, sha256, judge = () => undefined) {
      const { certificates } = serviceIn(manage.view(), key)
      if (!certificates.some((each) => each.sha256 === sha256)) {
        throw new Fault('cert_not_found', { what: sha256.slice(0, 64) })
      }
      await changeJudged(manage, judge, (transaction) =>
        store.deleteServiceCertificate(transaction, key, sha256),
      )
    },
    async addEndpoint(service, method, path) {
      serviceIn(manage.view(), service)
      const row = { service, ...checkEndpoint({ method, path }), origin: ORIGIN.added }
      return manage.change((transaction) => store.insertEndpoint(transaction, row))
    },
    async updateEndpoint(id, to, judge = () => undefined) {
      const change = checkEndpoint(to)
      await changeJudged(
        manage,
        (view) => {
          const present = serviceOfEndpoint(view, id).endpoints.find((each) => each.id === id)!
          if (present.base) throw new Fault('conflict', { what: say`this endpoint is the service itself` })
          if (present.generated)
            throw new Fault('conflict', { what: say`the document of the service has this endpoint` })
          judge(view)
        },
        (transaction) => store.updateEndpoint(transaction, id, change),
      )
    },
    async deleteEndpoint(id) {
      const { endpoints } = serviceOfEndpoint(manage.view(), id)
      if (endpoints.find((each) => each.id === id)?.base === true) {
        throw new Fault('conflict', { what: say`this endpoint is the service itself` })
      }
      await manage.change((transaction) => store.deleteEndpoint(transaction, id))
    },
  }
}

function checkEndpoint({ method, path }: store.NewEndpoint): store.NewEndpoint {
  if (method !== '*' && !REST_METHODS.has(method)) throw new Fault('invalid_http_method', { what: method })
  if (!path.startsWith('/') && path !== '**') {
    throw new Fault('invalid_input', { what: say`a path pattern begins with a slash` })
  }
  return { method, path: checkPathGlob(path) }
}
