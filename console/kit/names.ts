/** Names for ids of members, subsystems and contracts. */
import { askedTogether } from './asked-together.ts'

/**
 * For a contract `name` is its title, and its parties are named beside it; a subsystem has the name of its
 * member, too.
 */
export type Name = {
  id: string
  name: string
  memberName?: string
  provider?: string
  consumers?: string[]
  moreConsumers?: number
  globalGroup?: string
}

const CLIENT = /^[^:/\s]+(?::[^:/]+){2,3}$/
const CONTRACT = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const names = askedTogether<Name>('getNames', (id) => CLIENT.test(id) || CONTRACT.test(id))

/**
 * The name of this id, as soon as it is known. Also undefined for what no name is asked for, and what has
 * none.
 */
export const useNames: () => (id: string) => Name | undefined = names.useKnown

/** As `useNames`, and has this id asked for. */
export const useName: (id: string) => Name | undefined = names.useOne

/** As `useName`, of several. */
export const useNamesOf: (ids: readonly string[]) => (id: string) => Name | undefined = names.useAll
