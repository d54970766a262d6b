/** Finds members, subsystems and groups of the instance, and services, for fields in which one is picked. */
import { useRef } from 'preact/hooks'
import type { Api } from '../kit/api.ts'
import { useConsole, useMay } from '../kit/context.ts'
import type { Find } from '../kit/field.tsx'
import type { Contract } from './contracts/contract.tsx'
import { shown } from './exchange/records.ts'
import type { Client, Description, Service, Subject } from './services/shapes.ts'

type Member = {
  id: string
  name: string
  subsystems: { id: string; name?: string }[]
  servers?: string[]
}

type InCatalogue = { id: string; provider: string; serviceCode: string; title: string }

const MOST = '50'
const MOST_IN_CATALOGUE = '200'
const PARTS_OF_SUBSYSTEM = 4
/**
 * The most that the API gives. Members without a fitting server are among them, so that fewer could leave one
 * out that fits.
 */
const MOST_WITH_SERVERS = '500'

/** Subsystems whose id or name, or whose member's, contains what was typed. */
export function useSubsystems(): Find {
  const { api } = useConsole()
  return async (typed) => {
    const q = typed.trim()
    const { data } = await api.call<Member[]>('findMembers', { query: { q, limit: MOST } })
    const all = data.flatMap(({ name, subsystems }) =>
      subsystems.map((one) => ({ value: one.id, title: [one.name, name].filter(Boolean).join(', ') })),
    )
    const wanted = q.toLowerCase()
    return all.filter(({ value, title }) => `${value} ${title}`.toLowerCase().includes(wanted))
  }
}

/** Members whose id or name contains what was typed. */
export function useMembers(): Find {
  const { api } = useConsole()
  return async (typed) => {
    const { data } = await api.call<Member[]>('findMembers', { query: { q: typed.trim(), limit: MOST } })
    return data.map(({ id, name }) => ({ value: id, title: name }))
  }
}

/**
 * The global groups of this instance, by code and description. The list of candidates for rights has them,
 * the same for each client.
 */
export function useGlobalGroups(): Find {
  const { api, session } = useConsole()
  const owner = (session.securityServer ?? '').split(':').slice(0, 3).join(':')
  return async (typed) => {
    const { data } = await api.call<Subject[]>('findServiceClientCandidates', {
      params: { clientId: owner },
      query: { q: typed.trim(), subjectType: 'GLOBALGROUP', limit: MOST },
    })
    return data.map(({ subjectId, name }) => ({ value: subjectId, title: name }))
  }
}

/** The clients of this server. */
export function useOwnClients(): Find {
  const { api } = useConsole()
  return async (typed) => {
    const { data } = await api.call<Client[]>('findClients', { query: { q: typed.trim(), limit: MOST } })
    return data.map(({ id, memberName, subsystemName }) => ({
      value: id,
      title: [subsystemName, memberName].filter(Boolean).join(', ') || id,
    }))
  }
}

/** Members and their subsystems. */
export function useClients(): Find {
  const [members, subsystems] = [useMembers(), useSubsystems()]
  return async (typed) => (await Promise.all([members(typed, {}), subsystems(typed, {})])).flat()
}

/** Security servers of the instance, by their identifier or their owner's name. */
export function useServers(): Find {
  const { api } = useConsole()
  return async (typed) => {
    const q = typed.trim()
    const { data } = await api.call<Member[]>('findMembers', {
      query: { q, servers: 'true', limit: MOST_WITH_SERVERS },
    })
    const all = data.flatMap(({ name, servers = [] }) => servers.map((value) => ({ value, title: name })))
    return all.filter(({ value, title }) => `${value} ${title}`.toLowerCase().includes(q.toLowerCase()))
  }
}

/**
 * Asks once for each key, because such a question costs a signature here and one at the other side. None that
 * does not answer hides what is found otherwise; it is asked again.
 */
function useAskedOnce<T>(): (key: string, ask: () => Promise<T[]>) => Promise<T[]> {
  const asked = useRef(new Map<string, Promise<T[]>>())
  return (key, ask) => {
    const found = asked.current.get(key) ?? ask()
    asked.current.set(key, found)
    return found.catch(() => {
      asked.current.delete(key)
      return []
    })
  }
}

/** What the registry's catalogue has of a provider. */
function useCatalogueOf(): (provider: string) => Promise<InCatalogue[]> {
  const { api } = useConsole()
  const mayAsk = useMay('findCatalogueServices')
  const once = useAskedOnce<InCatalogue>()
  return async (provider) => {
    if (!mayAsk) return []
    return once(provider, async () => {
      const query = { q: provider, limit: MOST_IN_CATALOGUE }
      const { data } = await api.call<InCatalogue[]>('findCatalogueServices', { query })
      return data.filter((one) => one.provider === provider)
    })
  }
}

/** Codes of the services that a provider says a consumer may call. */
function useToldTo(): (client: string, provider: string) => Promise<string[]> {
  const { api } = useConsole()
  const mayAsk = useMay('findTryOutServices')
  const once = useAskedOnce<string>()
  return async (client, provider) => {
    if (!mayAsk) return []
    return once(`${client} ${provider}`, async () => {
      const body = { client, provider }
      const { data } = await api.call<{ services?: { serviceCode: string }[] }>('findTryOutServices', {
        body,
      })
      return (data.services ?? []).map(({ serviceCode }) => serviceCode)
    })
  }
}

/**
 * Whole identifiers of services: those of this server's clients, or of one, and those that contracts let them
 * call; of other servers, when their subsystem is typed, those that the registry's catalogue has.
 */
export function useWholeServices(client?: string): Find {
  const { api } = useConsole()
  const catalogueOf = useCatalogueOf()
  return async (typed) => {
    const said = typed.trim()
    const q = client === undefined || said.startsWith(`${client}:`) ? said : `${client}:${said}`
    const [own, called] = await Promise.all([
      api.call<Service[]>('findServices', { query: { q, limit: MOST } }),
      api.call<{ contracts: Contract[] }>('getContracts', { query: { side: 'consumer' } }),
    ])
    const ofContracts = called.data.contracts
      .filter(({ consumers }) => client === undefined || consumers.some((one) => shown(one) === client))
      .flatMap(({ provider, services, title }) =>
        services.map((code) => ({ value: `${shown(provider)}:${code}`, title })),
      )
      .filter(({ value, title }) => `${value} ${title}`.toLowerCase().includes(said.toLowerCase()))
    const ofClients = own.data.map(({ fullServiceId, url }) => ({ value: fullServiceId, title: url }))
    const provider = said.split(':').slice(0, PARTS_OF_SUBSYSTEM).join(':')
    const isOther = client === undefined && own.data.length === 0 && said.startsWith(`${provider}:`)
    const others = isOther ? await catalogueOf(provider) : []
    const ofOthers = others
      .map(({ id, title }) => ({ value: id, title }))
      .filter(({ value, title }) => `${value} ${title}`.toLowerCase().includes(said.toLowerCase()))
    return [...new Map([...ofOthers, ...ofContracts, ...ofClients].map((one) => [one.value, one])).values()]
  }
}

/**
 * Services of the provider in the form: its descriptions, if it is a client here, else those in the
 * registry's catalogue, and what the provider says that the consumer may call, since not all are published.
 * The field of the consumer is the one with the name `of`.
 */
export function useServices(of = 'consumer'): Find {
  const { api } = useConsole()
  const [catalogueOf, toldTo] = [useCatalogueOf(), useToldTo()]
  return async (_, values) => {
    const [client = '', provider = ''] = [values[of], values['provider']].map((one) =>
      String(one ?? '').trim(),
    )
    if (provider === '') return []
    const own = await ownServices(api, provider)
    if (own !== undefined) return own
    const [published, told] = await Promise.all([catalogueOf(provider), toldTo(client, provider)])
    const titles = new Map(told.map((code) => [code, code]))
    for (const { serviceCode, title } of published) titles.set(serviceCode, title || serviceCode)
    return [...titles].map(([value, title]) => ({ value, title }))
  }
}

async function ownServices(api: Api, provider: string) {
  try {
    const { data } = await api.call<Description[]>('getClientServiceDescriptions', {
      params: { clientId: provider },
      query: { limit: MOST },
    })
    const codes = data.flatMap(({ services }) => services.map(({ serviceCode }) => serviceCode))
    return [...new Set(codes)].map((value) => ({ value, title: value }))
  } catch {
    return undefined // It is a client of another server.
  }
}
