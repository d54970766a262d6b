/**
 * The types of calls from `paths`, the type that openapi-typescript makes of an OpenAPI 3.x description.
 * Nothing of this exists at run time, and without a description every path may be called.
 */
import type { Answer } from './answer.ts'
import type { BodyOptions } from './request-body.ts'
import type { QueryValue, Scalar } from './request-target.ts'

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS' | 'TRACE'

/** What openapi-typescript makes of a description that nobody has. */
export type AnyPaths = { [path: string]: { [M in Lowercase<Method>]: AnyOperation } }

type AnyOperation = {
  parameters: {
    path?: Readonly<Record<string, Scalar>>
    query?: Readonly<Record<string, QueryValue>>
  }
  requestBody?: { content: { 'application/json': unknown } }
  responses: { default: { content: { 'application/json': unknown } } }
}

/** The paths that have this method; a method that is not there is `put?: never`. */
export type PathsWith<Paths, M extends Method> = {
  [P in keyof Paths]: Paths[P] extends { [K in Lowercase<M>]: object } ? P : never
}[keyof Paths] &
  string

export type OperationOf<Paths, P extends keyof Paths, M extends Method> =
  Lowercase<M> extends keyof Paths[P] ? Paths[P][Lowercase<M>] : never

type Named<Operation, Kind extends string> = Operation extends { parameters: infer P }
  ? Kind extends keyof P
    ? Exclude<P[Kind], undefined>
    : never
  : never

/** `{ path: … }`, optional where no parameter is required, forbidden where there is none. */
type Option<Name extends string, T> = [T] extends [never]
  ? { [K in Name]?: undefined }
  : Record<never, never> extends T
    ? { [K in Name]?: T }
    : { [K in Name]: T }

type ContentOf<T> = T extends { content: infer C } ? C : never
type JsonOf<C> = { [T in keyof C]: T extends `${string}json` ? C[T] : never }[keyof C]
type IsRequired<Operation> = Operation extends { requestBody: object } ? true : false

type Body<Operation> = Operation extends { requestBody?: infer B }
  ? [JsonOf<ContentOf<B>>] extends [never]
    ? Omit<BodyOptions, 'json'> & { json?: undefined }
    : IsRequired<Operation> extends true
      ? { json: JsonOf<ContentOf<B>> } | Required<Pick<BodyOptions, 'body' | 'contentType'>>
      : Omit<BodyOptions, 'json'> & { json?: JsonOf<ContentOf<B>> }
  : { json?: undefined; body?: undefined }

/** The arguments of one operation. */
export type Arguments<Operation> = Option<'path', Named<Operation, 'path'>> &
  Option<'query', Named<Operation, 'query'>> &
  Body<Operation>

type StatusOf<S> = S extends number ? S : number

/** One answer for each status that the description names: `status` tells them apart. */
export type AnswerOf<Operation> = Operation extends { responses: infer R }
  ? {
      [S in keyof R]: Answer<
        StatusOf<S>,
        [JsonOf<ContentOf<R[S]>>] extends [never] ? unknown : JsonOf<ContentOf<R[S]>>
      >
    }[keyof R]
  : Answer
