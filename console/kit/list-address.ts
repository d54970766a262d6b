/**
 * Where in the address a list keeps its search, filters and page. Of several lists of one page, all but one
 * have a name, with which their parameters begin: `endpoints.q`, `endpoints.page`.
 */
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { changeQuery, useAddress } from './address.tsx'

const ListName = createContext('')

/** The name of the list within, empty for the one without. */
export const NamedList = ListName.Provider

type ListAddress = {
  /** Of a parameter; empty while the address does not say it. */
  valueIn(parameter: string): string
  /** As `changeQuery`, of this list alone. */
  change: typeof changeQuery
}

export function useListAddress(): ListAddress {
  const name = useContext(ListName)
  const { query } = useAddress()
  const whole = (parameter: string): string => (name === '' ? [parameter] : [name, parameter]).join('.')
  return {
    valueIn: (parameter) => query.get(whole(parameter)) ?? '',
    change: (changes, how) =>
      changeQuery(
        Object.fromEntries(Object.entries(changes).map(([parameter, value]) => [whole(parameter), value])),
        how,
      ),
  }
}
