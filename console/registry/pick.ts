/** Finds members and subsystems of the instance for fields in which one is picked. */
import { useConsole } from '../kit/context.ts'
import type { Find } from '../kit/field.tsx'
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
