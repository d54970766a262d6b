/**
 * `concordat event filter`: gives the events that pass a filter, as a server would, and says why an
 * expression failed.
 */
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { compileExpression } from '#core/cesql/expression.ts'
import { compileFilter } from '#core/cesql/filter.ts'
import type { CloudEvent } from '#core/events/cloud-event.ts'
import { Fault } from '#schemas/fault.ts'
import { readBounded } from './bounded-file.ts'
import { INPUT_OPTIONS, readValid } from './read-given.ts'
import { argumentsOf, type Surroundings, sayError, wrongUsage } from './surroundings.ts'
import { documentOf } from './write-given.ts'

const OPTIONS = { ...INPUT_OPTIONS, filters: { type: 'string' } } as const
const MAX_FILTERS_BYTES = 1_048_576
/** Errors of an evaluation that are printed; the rest is counted. */
const MAX_SAID = 20

/** The names of CESQL 1.0, section 4.2. */
const KINDS = {
  math: 'MathError',
  cast: 'CastError',
  missingAttribute: 'MissingAttributeError',
  missingFunction: 'MissingFunctionError',
  functionEvaluation: 'FunctionEvaluationError',
  generic: 'GenericError',
} as const

/** `failure`: the name of the error with which the expression ended for an event. */
type Filter = { passes: (event: CloudEvent) => boolean; failure: (event: CloudEvent) => string | undefined }

/** 0 where an event passes, 1 where none does or one is not valid. Throws `invalid_filter`. */
export async function filter(args: string[], surroundings: Surroundings): Promise<number> {
  const { values, positionals } = argumentsOf(args, OPTIONS)
  const [expression, ...more] = positionals
  if (more.length > 0) throw wrongUsage('the expression is one argument: put it in quotes')
  if ((expression === undefined) === (values.filters === undefined))
    throw wrongUsage('either an expression or --filters is needed')
  const made = values.filters === undefined ? ofExpression(expression ?? '') : await ofFile(values.filters)
  const given = await readValid('filter', values, surroundings)
  if (given === undefined) return 1
  let failures = 0
  const passed = given.events.filter(({ event, place }) => {
    const failure = made.failure(event)
    if (failure !== undefined && ++failures <= MAX_SAID)
      sayError(surroundings, `filter: ${place}: ${failure}, so it does not pass`)
    return made.passes(event)
  })
  if (failures > MAX_SAID) sayError(surroundings, `filter: and ${failures - MAX_SAID} more`)
  for (const { line } of passed) if (line !== undefined) surroundings.out.write(`${line.toString('utf8')}\n`)
  if (given.form !== 'lines' && (given.form === 'batch' || passed.length > 0))
    surroundings.out.write(
      documentOf(
        given.form,
        passed.map(({ event }) => event),
      ),
    )
  return passed.length > 0 ? 0 : 1
}

function ofExpression(text: string): Filter {
  const { evaluate, missingFunctions } = named('ParseError', () => compileExpression(text))
  const refuse = (): Filter['passes'] => compileFilter({ sql: text })
  const passes = missingFunctions.length > 0 ? named(KINDS.missingFunction, refuse) : refuse()
  return {
    passes,
    failure: (event) => {
      const { error } = evaluate(event)
      return error === undefined ? undefined : KINDS[error]
    },
  }
}

/** The error's kind stands before the reason, which has the position. */
function named<Result>(kind: string, act: () => Result): Result {
  try {
    return act()
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause
    throw new Fault(cause.code, { what: `${kind}: ${cause.what}`, cause })
  }
}

async function ofFile(file: string): Promise<Filter> {
  const bytes = await readBounded(file, MAX_FILTERS_BYTES)
  try {
    return { passes: compileFilter(parseStrictJson(bytes)), failure: () => undefined }
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause
    throw new Fault('invalid_filter', { what: `${file}: ${cause.what}`, cause })
  }
}
