/**
 * Statements that run each second: Kysely takes longer to write one than the database to run it, so its text
 * is made once.
 */
import type { Compilable, CompiledQuery, Kysely } from 'kysely'

/** Stands for a value where the statement is made. */
class Place {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/**
 * `make` is called once, with places instead of values, so it may only hand them on. The returned function
 * runs the statement with the given values, through the Kysely that it is given: a transaction's, for one.
 */
export function prepared<V extends Record<string, unknown>, R>(
  make: (values: V) => Compilable<R>,
): (on: Pick<Kysely<never>, 'executeQuery'>, values: V) => Promise<R[]> {
  let made: CompiledQuery<R> | undefined
  return async (on, values) => {
    made ??= make(new Proxy({} as V, { get: (_values, name) => new Place(String(name)) })).compile()
    const parameters = made.parameters.map((one) => (one instanceof Place ? values[one.name] : one))
    return (await on.executeQuery<R>({ ...made, parameters })).rows
  }
}
