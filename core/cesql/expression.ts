/**
 * CESQL 1.0: an expression is parsed once and evaluated against many events. An evaluation ends at the first
 * error (section 4.1, fail fast) and takes a bounded time, whatever the expression and the event are.
 */
import { attributeOf, type CloudEvent } from '#core/events/cloud-event.ts'
import { findFunction } from './functions.ts'
import { likePattern } from './like.ts'
import { type Node, type Operator, parseExpression } from './parse.ts'
import {
  cast,
  type ErrorKind,
  failed,
  isFailure,
  isInteger32,
  type Outcome,
  typeOf,
  type Value,
  type ValueType,
} from './values.ts'

/** Characters that one evaluation may read, write or compare; an event has at most 65,536 of them. */
const MAX_WORK = 500_000

type Evaluation = { readonly value: Value; readonly error?: ErrorKind }

type Expression = {
  /**
   * The value and, where there was one, the error. The value beside an error is the one that the
   * specification gives.
   */
  evaluate(event: CloudEvent): Evaluation
  /** Undefined: that of an attribute, which the event decides. */
  readonly type: ValueType | undefined
  /** Functions that are called and that CESQL does not have with so many arguments. */
  readonly missingFunctions: readonly string[]
}

type Run = { readonly event: CloudEvent; work: number }
type Compiled = { readonly type: ValueType | undefined; run(run: Run): Outcome }

/** Throws `invalid_filter` for what cannot be parsed: CESQL's ParseError. */
export function compileExpression(text: string): Expression {
  const missingFunctions: string[] = []
  const root = compile(parseExpression(text), missingFunctions)
  return {
    evaluate(event) {
      const outcome = root.run({ event, work: 0 })
      return isFailure(outcome) ? outcome : { value: outcome }
    },
    type: root.type,
    missingFunctions,
  }
}

function compile(node: Node, missing: string[]): Compiled {
  const inner = (one: Node): Compiled => compile(one, missing)
  switch (node.kind) {
    case 'literal':
      return { type: typeOf(node.value), run: () => node.value }
    case 'attribute':
      return attribute(node.name)
    case 'exists':
      return { type: 'boolean', run: ({ event }) => attributeOf(event, node.name) !== undefined }
    case 'not':
      return unary(inner(node.of), 'boolean', (value) => !value)
    case 'minus':
      return unary(inner(node.of), 'integer', (value) => inRange(-(value as number)))
    case 'like':
      return like(inner(node.of), node.pattern)
    case 'in':
      return isIn(inner(node.of), node.set.map(inner))
    case 'call':
      return call(node.name, node.given.map(inner), missing)
    case 'binary':
      return binary(node.operator, inner(node.left), inner(node.right))
  }
}

function attribute(name: string): Compiled {
  return {
    type: undefined,
    run(run) {
      const value = attributeOf(run.event, name)
      // Where nothing says which type is wanted, Boolean is assumed (section 3.2).
      return value === undefined ? failed('missingAttribute', 'boolean') : spend(run, value, 'boolean')
    },
  }
}

/**
 * An operand that failed makes its operator fail: it has the zero value of the operator's type (section 3.2).
 */
function operand(of: Compiled, wanted: ValueType, run: Run, type: ValueType): Outcome {
  const outcome = of.run(run)
  if (isFailure(outcome)) return failed(outcome.error, type)
  return cast(outcome, wanted) ?? failed('cast', type)
}

function unary(of: Compiled, type: 'integer' | 'boolean', apply: (value: Value) => Outcome): Compiled {
  return {
    type,
    run(run) {
      const value = operand(of, type, run, type)
      return isFailure(value) ? value : apply(value)
    },
  }
}

function like(of: Compiled, pattern: string): Compiled {
  const { matches, words } = likePattern(pattern)
  return {
    type: 'boolean',
    run(run) {
      const text = operand(of, 'string', run, 'boolean')
      if (isFailure(text)) return text
      run.work += String(text).length * (words - 1)
      const spent = spend(run, text, 'boolean')
      return isFailure(spent) ? spent : matches(String(text))
    },
  }
}

/**
 * Each element is cast to the type of the left side, one after the other, until one is equal (section 3.4.5).
 */
function isIn(of: Compiled, set: readonly Compiled[]): Compiled {
  return {
    type: 'boolean',
    run(run) {
      const value = of.run(run)
      if (isFailure(value)) return failed(value.error, 'boolean')
      for (const one of set) {
        const element = operand(one, typeOf(value), run, 'boolean')
        if (isFailure(element)) return element
        if (element === value) return true
      }
      return false
    },
  }
}

function call(name: string, given: readonly Compiled[], missing: string[]): Compiled {
  const found = findFunction(name, given.length)
  if (found === undefined) {
    missing.push(name)
    return { type: 'boolean', run: () => failed('missingFunction', 'boolean') }
  }
  const { parameters, rest, type, apply } = found
  return {
    type,
    run(run) {
      const values: Value[] = []
      for (const [index, one] of given.entries()) {
        const value = operand(one, parameters[index] ?? rest!, run, type)
        if (isFailure(value)) return value
        values.push(value)
      }
      const outcome = apply(values)
      return isFailure(outcome) ? outcome : spend(run, outcome, type)
    },
  }
}

function binary(operator: Operator, left: Compiled, right: Compiled): Compiled {
  if (operator === 'AND' || operator === 'OR') return shortCircuit(operator === 'OR', left, right)
  if (operator === '=') return equality(left, right, true)
  if (operator === '!=' || operator === '<>') return equality(left, right, false)
  if (operator === 'XOR') return both('boolean', 'boolean', left, right, (x, y) => x !== y)
  const apply = ARITHMETIC[operator] as ((x: number, y: number) => Outcome) | undefined
  const compare = COMPARISON[operator]
  return apply === undefined
    ? both('integer', 'boolean', left, right, (x, y) => compare!(x as number, y as number))
    : both('integer', 'integer', left, right, (x, y) => apply(x as number, y as number))
}

const ARITHMETIC: Partial<Record<Operator, (x: number, y: number) => Outcome>> = {
  // Products of 32-bit integers may lie beyond what a double holds exactly, but then also beyond 32 bits.
  '*': (x, y) => inRange(x * y),
  '/': (x, y) => (y === 0 ? failed('math', 'integer') : inRange(Math.trunc(x / y))),
  '%': (x, y) => (y === 0 ? failed('math', 'integer') : inRange(x % y)),
  '+': (x, y) => inRange(x + y),
  '-': (x, y) => inRange(x - y),
}

const COMPARISON: Partial<Record<Operator, (x: number, y: number) => boolean>> = {
  '<': (x, y) => x < y,
  '<=': (x, y) => x <= y,
  '>': (x, y) => x > y,
  '>=': (x, y) => x >= y,
}

function both(
  wanted: ValueType,
  type: ValueType,
  left: Compiled,
  right: Compiled,
  apply: (x: Value, y: Value) => Outcome,
): Compiled {
  return {
    type,
    run(run) {
      const x = operand(left, wanted, run, type)
      if (isFailure(x)) return x
      const y = operand(right, wanted, run, type)
      return isFailure(y) ? y : apply(x, y)
    },
  }
}

/** `decides`: the value of the left side after which the right one is not evaluated. */
function shortCircuit(decides: boolean, left: Compiled, right: Compiled): Compiled {
  return {
    type: 'boolean',
    run(run) {
      const x = operand(left, 'boolean', run, 'boolean')
      return isFailure(x) || x === decides ? x : operand(right, 'boolean', run, 'boolean')
    },
  }
}

/** The left side is cast to the type of the right one (section 3.7, ambiguous operators). */
function equality(left: Compiled, right: Compiled, wanted: boolean): Compiled {
  return {
    type: 'boolean',
    run(run) {
      const x = left.run(run)
      if (isFailure(x)) return failed(x.error, 'boolean')
      const y = right.run(run)
      if (isFailure(y)) return failed(y.error, 'boolean')
      const same = cast(x, typeOf(y))
      return same === undefined ? failed('cast', 'boolean') : (same === y) === wanted
    },
  }
}

/** The specification says nothing of overflow in arithmetic. It is a MathError, as it is for ABS. */
function inRange(number: number): Outcome {
  // -0 is 0.
  return isInteger32(number) ? number + 0 : failed('math', 'integer')
}

/** Every value is read by one operator, so it is paid for where it is made; LIKE pays for itself. */
function spend(run: Run, value: Value, type: ValueType): Outcome {
  run.work += typeof value === 'string' ? value.length : 1
  return run.work > MAX_WORK ? failed('generic', type) : value
}
