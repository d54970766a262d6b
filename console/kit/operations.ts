/**
 * The operations of the management API with their roles: the build reads them from the API's OpenAPI file.
 */

type Operation = {
  method: string
  path: string
  roles: string[]
  /** Whether it takes two people; at a security server the kind of acts by which the policy names it. */
  fourEyes: boolean | string
  /**
   * An act of great weight, which a passkey confirms where the server says so; `if-any`: of a person who has
   * one; `if-administrator`: as soon as an administrator has one.
   */
  passkey?: boolean | 'if-any' | 'if-administrator'
  /** Only some calls of it do: the server decides. */
  byTwoWhen?: boolean
  /** The time limit in seconds, when it is longer than usual. */
  answerSeconds?: number
}

declare const OPERATIONS: Record<string, Operation>

export const operations: Record<string, Operation> = OPERATIONS
