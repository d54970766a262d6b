/**
 * JSON Schema of a type as it is sent: what JSON leaves out is left out, what prints itself is the text that
 * it prints.
 */
import { type Checker, SymbolFlags, type Type, TypeFlags, type TypeReference } from 'typescript/unstable/sync'

export type JsonSchema = {
  $ref?: string
  description?: string
  type?: string | string[]
  format?: string
  enum?: unknown[]
  const?: unknown
  items?: JsonSchema
  prefixItems?: JsonSchema[]
  minItems?: number
  properties?: Record<string, JsonSchema>
  required?: string[]
  additionalProperties?: JsonSchema
  anyOf?: JsonSchema[]
}

type Property = ReturnType<Checker['getPropertiesOfType']>[number]

/** How the compiler names the symbol `form` of schemas/sent-values.ts. */
const FORM = '__@form@'
/** What `randomUUID` of node:crypto returns. */
const UUID = /^`(?:\$\{string\}-){4}\$\{string\}`$/
const ABSENT = TypeFlags.Undefined | TypeFlags.Void
const ANYTHING = TypeFlags.Any | TypeFlags.Unknown
/** A type of so few words is clearer where it is used than under a name. */
const FEW_WORDS = 12

type SchemaWriter = {
  /** Undefined where nothing is sent. `where` names it among the unknown ones. */
  schemaOf(type: Type, where: string): JsonSchema | undefined
  /** What got a name, by the name. */
  named: Map<string, JsonSchema>
  /** Places of which the types say no more than that there is something. */
  unknown: string[]
}

/** `nameOf` gives a type its name in the document, and undefined to one that stands where it is used. */
export function createSchemaWriter(
  checker: Checker,
  nameOf: (type: Type) => string | undefined,
): SchemaWriter {
  const named = new Map<string, JsonSchema>()
  const unknown: string[] = []
  const open = new Set<number>()

  function schemaOf(type: Type, where: string): JsonSchema | undefined {
    if (isJson(type)) return reference('Json', type, () => ({}))
    const inForm = schemaOfForm(type)
    if (inForm !== undefined) return inForm
    if (type.isUnionType()) return schemaOfUnion(type, where)
    if ((type.flags & ABSENT) !== 0) return undefined
    const name = type.isObjectType() || type.isIntersectionType() ? nameOf(type) : undefined
    if (name === undefined) return schemaHere(type, where)
    return reference(name, type, () => schemaHere(type, name))
  }

  function reference(name: string, type: Type, write: () => JsonSchema): JsonSchema {
    if (!named.has(name)) {
      // First its place, for a type that holds itself.
      named.set(name, {})
      const symbol = type.getAliasSymbol() ?? type.getSymbol()
      named.set(name, { ...described(symbol), ...write() })
    }
    return { $ref: `#/components/schemas/${name}` }
  }

  function schemaOfUnion(type: Type, where: string): JsonSchema | undefined {
    const name = nameOf(type)
    const parts = partsOf(type)
    if (parts.length === 0) return undefined
    const isLong = parts.every((part) => part.isLiteralType()) && parts.length > FEW_WORDS
    const isOfObjects = parts.every((part) => part.isObjectType() || part.isIntersectionType())
    if (name !== undefined && (isLong || isOfObjects))
      return reference(name, type, () => schemaOfParts(parts, name))
    return schemaOfParts(parts, where)
  }

  function partsOf(type: Type): Type[] {
    const parts = type.isUnionType() ? type.getTypes() : [type]
    return parts.filter(({ flags }) => (flags & ABSENT) === 0)
  }

  function schemaOfParts(parts: Type[], where: string): JsonSchema {
    const isWord = (part: Type): boolean => part.isStringLiteralType() || part.isNumberLiteralType()
    const texts = parts.filter(isWord)
    const others = parts.filter((part) => !isWord(part))
    const schemas = others.flatMap((part) => schemaOf(part, where) ?? [])
    const words = texts.map((part) => (part as Type & { value: string | number }).value).sort()
    const alone = joined(schemas)
    if (words.length === 0) return alone.length === 1 ? alone[0]! : { anyOf: alone }
    const type = [...new Set(words.map((word) => typeof word))]
    const isNullToo = alone.length === 1 && alone[0]!.type === 'null'
    if (isNullToo) return { type: [...type, 'null'], enum: [...words, null] }
    const own: JsonSchema = { type: type.length === 1 ? type[0]! : type, enum: words }
    if (alone.length === 0) return own
    // A word among texts is a text.
    const all = alone.some((schema) => [schema.type].flat().includes(type[0]!) && !schema.enum)
      ? alone
      : [own, ...alone]
    return all.length === 1 ? all[0]! : { anyOf: all }
  }

  function schemaHere(type: Type, where: string): JsonSchema {
    const { flags } = type
    if ((flags & ANYTHING) !== 0) return unknownAt(where, {})
    if ((flags & TypeFlags.NonPrimitive) !== 0) return unknownAt(where, { type: 'object' })
    if ((flags & TypeFlags.Null) !== 0) return { type: 'null' }
    if (type.isStringLiteralType() || type.isNumberLiteralType())
      return { type: typeof type.value, enum: [type.value] }
    if ((flags & TypeFlags.BooleanLiteral) !== 0)
      return { type: 'boolean', enum: [checker.typeToString(type) === 'true'] }
    if ((flags & TypeFlags.TemplateLiteral) !== 0 && UUID.test(checker.typeToString(type)))
      return { type: 'string', format: 'uuid' }
    if ((flags & (TypeFlags.StringLike | TypeFlags.StringMapping)) !== 0) return { type: 'string' }
    if ((flags & TypeFlags.NumberLike) !== 0) return { type: 'number' }
    if ((flags & TypeFlags.BooleanLike) !== 0) return { type: 'boolean' }
    if (type.isTypeParameter()) {
      const bound = checker.getBaseConstraintOfType(type)
      return (bound === undefined ? undefined : schemaOf(bound, where)) ?? unknownAt(where, {})
    }
    if (
      type.isIntersectionType() &&
      type.getTypes().some((part) => (part.flags & TypeFlags.StringLike) !== 0)
    )
      return { type: 'string' }
    return schemaOfObject(type, where)
  }

  /** Of the types in schemas/sent-values.ts, whose member without a name at run time says the form. */
  function schemaOfForm(type: Type): JsonSchema | undefined {
    if (!type.isIntersectionType()) return undefined
    const mark = checker.getPropertiesOfType(type).find(({ name }) => name.startsWith(FORM))
    const of = mark && checker.getTypeOfSymbol(mark)
    const word = of && partsOf(of).find((part) => part.isStringLiteralType())
    if (word === undefined) return undefined
    const { value } = word as Type & { value: string }
    return value === 'integer' ? { type: value } : { type: 'string', format: value }
  }

  function unknownAt(where: string, schema: JsonSchema): JsonSchema {
    if (!unknown.includes(where)) unknown.push(where)
    return schema
  }

  function schemaOfObject(type: Type, where: string): JsonSchema {
    const name = type.getSymbol()?.name ?? ''
    if (name === 'Date') return { type: 'string', format: 'date-time' }
    if (name === 'Buffer' || name === 'Uint8Array' || name === 'Map' || name === 'Set')
      return unknownAt(`${where} (${name})`, {})
    const printed = checker.getPropertyOfType(type, 'toJSON')
    if (printed !== undefined) return schemaOfPrinted(printed, where)
    if (checker.isTupleType(type)) return schemaOfTuple(type as TypeReference, where)
    if (checker.isArrayType(type) || name === 'ReadonlyArray') {
      const [item] = checker.getTypeArguments(type as TypeReference)
      return { type: 'array', items: itemOf(item!, `${where}[]`) }
    }
    if (open.has(type.id)) return unknownAt(`${where} (holds itself and has no name)`, {})
    open.add(type.id)
    const schema = schemaOfFields(type, where)
    open.delete(type.id)
    return schema
  }

  /** JSON writes null in a list where there is nothing. */
  function itemOf(type: Type, where: string): JsonSchema {
    return schemaOf(type, where) ?? { type: 'null' }
  }

  function schemaOfTuple(type: TypeReference, where: string): JsonSchema {
    const items = checker.getTypeArguments(type).map((item, index) => itemOf(item, `${where}[${index}]`))
    if (items.length === 0) return { type: 'array' }
    const [first] = items
    const areAlike = items.every((item) => JSON.stringify(item) === JSON.stringify(first))
    return areAlike
      ? { type: 'array', items: first! }
      : { type: 'array', prefixItems: items, minItems: items.length }
  }

  function schemaOfPrinted(method: Property, where: string): JsonSchema {
    const type = checker.getTypeOfSymbol(method)
    const [signature] = type === undefined ? [] : checker.getSignaturesOfType(type, 0)
    const returned = signature === undefined ? undefined : checker.getReturnTypeOfSignature(signature)
    return (returned === undefined ? undefined : schemaOf(returned, where)) ?? {}
  }

  function schemaOfFields(type: Type, where: string): JsonSchema {
    const properties: Record<string, JsonSchema> = {}
    const required: string[] = []
    for (const property of checker.getPropertiesOfType(type)) {
      const of = checker.getTypeOfSymbol(property)
      // No JSON has symbols, private fields and functions.
      if (of === undefined || property.name.startsWith('__') || isFunction(of)) continue
      const schema = schemaOf(of, `${where}.${property.name}`)
      if (schema === undefined) continue
      properties[property.name] = { ...described(property), ...schema }
      if (!mayBeAbsent(property, of)) required.push(property.name)
    }
    const infos = checker.getIndexInfosOfType(type)
    const rest = infos.map((info) => schemaOf(info.valueType, `${where}.*`)).find((one) => one !== undefined)
    const isPlain = Object.keys(properties).length === 0
    return {
      type: 'object',
      ...(isPlain ? {} : { properties }),
      ...(required.length === 0 ? {} : { required }),
      ...(rest === undefined ? {} : { additionalProperties: rest }),
    }
  }

  function isFunction(type: Type): boolean {
    return type.isObjectType() && checker.getSignaturesOfType(type, 0).length > 0
  }

  function mayBeAbsent(property: Property, type: Type): boolean {
    if ((property.flags & SymbolFlags.Optional) !== 0 || (type.flags & ANYTHING) !== 0) return true
    return type.isUnionType() && type.getTypes().some(({ flags }) => (flags & ABSENT) !== 0)
  }

  function described(symbol: Property | undefined): { description?: string } {
    const text = symbol === undefined ? '' : checker.getDocumentationCommentOfSymbol(symbol)
    const line = text.replace(/\s+/g, ' ').trim()
    return line === '' ? {} : { description: line }
  }

  return { schemaOf, named, unknown }
}

/** `Json` of schemas/sent-values.ts: any value meets it. */
function isJson(type: Type): boolean {
  const alias = type.getAliasSymbol()
  return alias?.name === 'Json' && alias.declarations[0]?.path.endsWith('/schemas/sent-values.ts') === true
}

/**
 * Simple types beside each other as one list of types, each schema once, in an order that does not depend on
 * the compiler.
 */
function joined(schemas: JsonSchema[]): JsonSchema[] {
  const once = [...new Map(schemas.map((schema) => [JSON.stringify(schema), schema])).entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, schema]) => schema)
  const wide = withoutNarrower(once)
  const isBoolean = wide.filter(({ type, enum: values }) => type === 'boolean' && values !== undefined)
  const both =
    isBoolean.length === 2 ? [{ type: 'boolean' }, ...wide.filter((one) => !isBoolean.includes(one))] : wide
  const simple = both.filter(
    (schema) => Object.keys(schema).join() === 'type' && typeof schema.type === 'string',
  )
  const isNull = simple.some(({ type }) => type === 'null')
  const others = both.filter((schema) => !simple.includes(schema))
  const [only] = others
  // The null of a list, object or text of a certain form stands in its own type.
  if (isNull && simple.length === 1 && others.length === 1 && typeof only?.type === 'string' && !only.enum)
    return [{ ...only, type: [only.type, 'null'] }]
  if (simple.length < 2) return both
  const types = simple
    .map(({ type }) => type as string)
    .sort((a, b) => Number(a === 'null') - Number(b === 'null'))
  return [...others, { type: types }]
}

/** A time among texts is a text, and a whole number among numbers a number. */
function withoutNarrower(schemas: JsonSchema[]): JsonSchema[] {
  const has = (type: string): boolean =>
    schemas.some((schema) => schema.type === type && Object.keys(schema).length === 1)
  return schemas.filter(
    ({ type, format }) => !(format !== undefined && has('string')) && !(type === 'integer' && has('number')),
  )
}
