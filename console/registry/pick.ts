/**
 * Finds members, subsystems, servers, services and contracts of the instance for fields in which one is
 * picked.
 */
import { useConsole } from '../kit/context.ts'
import type { Find } from '../kit/field.tsx'
import type { Service } from './catalogue/service.tsx'
import type { Contract } from './contracts/contract.tsx'
import type { Server } from './security-servers/server.ts'
import type { Subsystem } from './subsystems/page.tsx'

type Member = { id: string; name: string }

const MOST = '50'

/** Subsystems whose id or name contains what was typed. */
export function useSubsystems(): Find {
  const { api } = useConsole()
  return async (typed) => {
    const { data } = await api.call<Subsystem[]>('getAllSubsystems', {
      query: { q: typed.trim(), limit: MOST },
    })
    return data.map(({ id, name, memberName }) => ({
      value: id,
      title: [name, memberName].filter(Boolean).join(', '),
    }))
  }
}

/** Members whose id or name contains what was typed. */
export function useMembers(): Find {
  const { api } = useConsole()
  return async (typed) => {
    const { data } = await api.call<Member[]>('getMembers', { query: { q: typed.trim(), limit: MOST } })
    return data.map(({ id, name }) => ({ value: id, title: name }))
  }
}

/** Members and their subsystems. */
export function useClients(): Find {
  const [members, subsystems] = [useMembers(), useSubsystems()]
  return async (typed) => (await Promise.all([members(typed, {}), subsystems(typed, {})])).flat()
}

/** Services of the provider in the form, as it offers them in the catalogue. */
export function useServices(): Find {
  const { api } = useConsole()
  return async (typed, values) => {
    const provider = String(values['provider'] ?? '').trim()
    if (provider === '') return []
    const query = { provider, q: typed.trim(), limit: MOST }
    const { data } = await api.call<Service[]>('getCatalogue', { query })
    const titles = new Map(data.map(({ serviceCode, title }) => [serviceCode, title]))
    return [...titles].map(([value, title]) => ({ value, title }))
  }
}

/** Security servers by their id or address. */
export function useServers(): Find {
  const { api } = useConsole()
  return async (typed) => {
    const { data } = await api.call<Server[]>('getSecurityServers', {
      query: { q: typed.trim(), limit: MOST },
    })
    return data.map(({ id, address }) => ({ value: id, title: address }))
  }
}

/** Authentication certificates, by the server that has them. */
export function useCertificates(): Find {
  const { api } = useConsole()
  return async (typed) => {
    const { data } = await api.call<Server[]>('getSecurityServers', {
      query: { q: typed.trim(), limit: MOST },
    })
    return data.flatMap(({ id, certificates }) => certificates.map((value) => ({ value, title: id })))
  }
}

/** Service contracts by their titles and parties, each once, whatever number of versions it has. */
export function useContracts(): Find {
  const { api } = useConsole()
  return async (typed) => {
    const { data } = await api.call<Contract[]>('getContracts', { query: { q: typed.trim(), limit: MOST } })
    const titles = new Map(data.map(({ contract, title }) => [contract, title]))
    return [...titles].map(([value, title]) => ({ value, title }))
  }
}
