/** Finds subsystems of the instance for fields in which one is picked. */
import { useConsole } from '../kit/context.ts'
import type { Find } from '../kit/field.tsx'
import type { Subsystem } from './subsystems/page.tsx'

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
