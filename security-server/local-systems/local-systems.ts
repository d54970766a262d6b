/**
 * Our own systems as the message path sees them: a view in memory that every change replaces as a whole, and
 * the operations that change it. The database is authoritative; `poll` loads changes of other nodes.
 */
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { Circumstances } from '#schemas/circumstances.ts'
import { type ClientId, idText, type ServiceId } from '#schemas/identifiers.ts'
import { type AccessQuestion, findRight, isAllowed, names } from './access.ts'
import { describeCall } from './allowed-call.ts'
import { checkServiceUrl, type OwnListener } from './check-address.ts'
import { declaredEndpoint, type Endpoint } from './endpoints.ts'
import type { Manage } from './manage.ts'
import { type ManageAccess, manageAccess } from './manage-access.ts'
import { type ManageClients, manageClients } from './manage-clients.ts'
import { type ManageServices, manageServices } from './manage-services.ts'
import { createStore } from './store.ts'
import {
  type AuthenticationMode,
  buildView,
  type ClientView,
  type LocalService,
  type ServiceView,
  type View,
} from './view.ts'

export type { LocalService } from './view.ts'

export type LocalClient = {
  id: ClientId
  authenticationMode: AuthenticationMode
  /** SHA-256 (lower-case hex) of the currently valid certificates with which its systems authenticate. */
  certificates: ReadonlySet<string>
}

export type ListedEndpoint = Pick<Endpoint, 'method' | 'path'>

/** The client that asks what it may call. */
type Asker = { client: ClientId; isInGlobalGroup(code: string): boolean }

/** A call of one of our services, judged by the current view. */
export type LocalCall = {
  isAllowed: boolean
  /**
   * The circumstances for records. The same `key` always gives the same description as long as `local` is the
   * same view.
   */
  circumstances(): {
    local: object
    key: string
    /** The pattern of the path, if it is described. */
    endpoint?: string | undefined
    describe(): Omit<Circumstances, 'version' | 'contract'>
  }
}

export type LocalSystems = {
  client(id: ClientId): LocalClient | undefined
  clients(): LocalClient[]
  service(id: ServiceId): LocalService | undefined
  /** False unless a right grants the call; `path` is canonical (checkServicePath). */
  isAllowed(q: AccessQuestion & { service: ServiceId }): boolean
  /** As `isAllowed`, with the circumstances; undefined for a service that is not ours. */
  call(q: AccessQuestion & { service: ServiceId }): LocalCall | undefined
  services(provider: ClientId): LocalService[]
  /** Services of which the client may call at least one endpoint. */
  allowedServices(q: Asker & { provider: ClientId }): LocalService[]
  /** The endpoints of a service except the base endpoint; with `asker` only those that it may call. */
  endpoints(service: ServiceId, asker?: Asker): ListedEndpoint[]
  /** All clients, services and rights, for the management pages. */
  view(): View
  /** Whether another node changed the rows since they were loaded. */
  isOutdated(): Promise<boolean>
  /** Loads the rows again when another node changed them; resolves to true when it did. */
  poll(): Promise<boolean>
  /** Returns a function that removes the listener. */
  onChange(listener: () => void): () => void
  /** The stored form of a service address; throws `service_malformed_url`. */
  checkServiceUrl(url: string): string
} & ManageClients &
  ManageServices &
  ManageAccess

/** Reads all rows once. `own` are this server's listeners, to which no service address may point. */
export async function createLocalSystems(q: {
  database: Database
  clock: Clock
  own?: readonly OwnListener[]
}): Promise<LocalSystems> {
  const store = createStore(q.database)
  const own = q.own ?? []
  let view = buildView(await store.rows())
  let loading: Promise<unknown> = Promise.resolve()
  const listeners = new Set<() => void>()
  const clients = new WeakMap<ClientView, { client: LocalClient; since: number; until: number }>()

  /** Loads run one after another, so that an older view never replaces a newer one. */
  function load(): Promise<void> {
    const next = loading.then(async () => {
      view = buildView(await store.rows())
      for (const listener of listeners) listener()
    })
    loading = next.catch(() => undefined)
    return next
  }

  const manage: Manage = {
    clock: q.clock,
    own,
    view: () => view,
    async change(act) {
      const result = await store.change(act)
      await load()
      return result
    },
    async changeOf({ counter }, act) {
      const isDone = await store.changeSince(counter, act)
      await load()
      return isDone
    },
  }

  const isOutdated = async (): Promise<boolean> => (await store.counter()) !== view.counter

  function localClient(from: ClientView): LocalClient {
    const now = q.clock()
    const known = clients.get(from)
    if (known !== undefined && known.since <= now && now < known.until) return known.client
    const valid = from.certificates.filter(
      (each) => each.notBefore.getTime() <= now && now <= each.notAfter.getTime(),
    )
    const bounds = from.certificates.flatMap((each) => [
      each.notBefore.getTime(),
      each.notAfter.getTime() + 1,
    ])
    const client = {
      id: from.id,
      authenticationMode: from.authenticationMode,
      certificates: new Set(valid.map((each) => each.sha256)),
    }
    const since = Math.max(0, ...bounds.filter((time) => time <= now))
    const until = Math.min(Number.POSITIVE_INFINITY, ...bounds.filter((time) => time > now))
    clients.set(from, { client, since, until })
    return client
  }

  function servicesOf(provider: ClientId): ServiceView[] {
    const client = view.clients.get(idText(provider))
    return client === undefined ? [] : client.descriptions.flatMap((each) => each.services)
  }

  return {
    client(id) {
      const from = view.clients.get(idText(id))
      return from === undefined ? undefined : localClient(from)
    },
    clients: () => [...view.clients.values()].map(localClient),
    service: (id) => view.services.get(idText(id))?.service,
    isAllowed(question) {
      const service = view.services.get(idText(question.service))
      return service !== undefined && isAllowed(service.rights, question)
    },
    call(question) {
      const picture = view
      const service = picture.services.get(idText(question.service))
      if (service === undefined) return undefined
      const right = service.endpoints[findRight(service.rights, question)]
      return {
        isAllowed: right !== undefined,
        circumstances() {
          const declared = declaredEndpoint(service, question)
          const key = `${service.key} ${right?.id} ${declared?.id} ${idText(question.client)}`
          const describe = () => describeCall({ view: picture, service, right, declared, asker: question })
          return { local: picture, key, endpoint: declared?.path, describe }
        },
      }
    },
    services: (provider) => servicesOf(provider).map((each) => each.service),
    allowedServices: ({ provider, ...asker }) =>
      servicesOf(provider)
        .filter((each) => each.rights.some((rights) => names(rights, idText(asker.client), asker)))
        .map((each) => each.service),
    endpoints(id, asker) {
      const service = view.services.get(idText(id))
      if (service === undefined) return []
      const open = service.endpoints.filter(
        (_endpoint, i) => asker === undefined || names(service.rights[i]!, idText(asker.client), asker),
      )
      // A right to the service itself is a right to all its endpoints.
      const shown = open.some((endpoint) => endpoint.base) ? service.endpoints : open
      return shown.filter((each) => !each.base).map(({ method, path }) => ({ method, path }))
    },
    view: () => view,
    isOutdated,
    async poll() {
      if (!(await isOutdated())) return false
      await load()
      return true
    },
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    checkServiceUrl: (url) => checkServiceUrl(url, own),
    ...manageClients(manage),
    ...manageServices(manage),
    ...manageAccess(manage),
  }
}
