/** What the Credo wallet holds, in memory: Credo leaves keeping its records to whoever runs it. */

type Kept = { id: string; type: string; getTags(): Record<string, unknown> }
type Class = { type: string }
type Query = Record<string, unknown> & { $and?: Query[]; $or?: Query[]; $not?: Query }

/** `NotFound` is Credo's own, by which it tells what is absent from what failed. */
export function createRecords(NotFound: new (message: string, facts: { recordType: string }) => Error) {
  const held = new Map<string, Kept>()
  const keyOf = (type: string, id: string): string => `${type} ${id}`
  const put = async (_: unknown, record: Kept): Promise<void> =>
    void held.set(keyOf(record.type, record.id), record)
  const ofClass = ({ type }: Class): Kept[] => [...held.values()].filter((one) => one.type === type)
  const get = async (_: unknown, { type }: Class, id: string): Promise<Kept> => {
    const found = held.get(keyOf(type, id))
    if (found === undefined) throw new NotFound(`no ${id} is held`, { recordType: type })
    return found
  }
  return {
    supportsCursorPagination: false,
    save: put,
    update: put,
    delete: async (_: unknown, record: Kept) => void held.delete(keyOf(record.type, record.id)),
    deleteById: async (_: unknown, { type }: Class, id: string) => void held.delete(keyOf(type, id)),
    getById: get,
    getAll: async (_: unknown, of: Class) => ofClass(of),
    findByQuery: async (_: unknown, of: Class, query: Query) =>
      ofClass(of).filter((record) => fits(record.getTags(), query)),
    supportsLocking: () => true,
    async updateByIdWithLock(context: unknown, of: Class, id: string, change: (one: Kept) => Promise<Kept>) {
      const changed = await change(await get(context, of, id))
      await put(context, changed)
      return changed
    },
  }
}

function fits(tags: Record<string, unknown>, { $and, $or, $not, ...rest }: Query): boolean {
  return (
    Object.entries(rest).every(([name, value]) => holds(tags[name], value)) &&
    ($and ?? []).every((one) => fits(tags, one)) &&
    ($or === undefined || $or.some((one) => fits(tags, one))) &&
    ($not === undefined || !fits(tags, $not))
  )
}

function holds(has: unknown, wanted: unknown): boolean {
  if (wanted === undefined) return true
  if (!Array.isArray(has)) return has === wanted
  return (Array.isArray(wanted) ? wanted : [wanted]).every((one) => has.includes(one))
}
