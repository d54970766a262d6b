/** `POST /join` on the management listener: a new node has no key for the API yet, only its secret. */
import type { FastifyInstance } from 'fastify'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Joining } from './join.ts'

const BODY_LIMIT = 1024
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const PROOF = /^[A-Za-z0-9_-]{43}$/

export function joinRoute(app: FastifyInstance, joining: Joining): void {
  app.post('/join', { bodyLimit: BODY_LIMIT }, async (request) => {
    const { id, proof } = (request.body ?? {}) as { id?: unknown; proof?: unknown }
    if (typeof id !== 'string' || !ID.test(id) || typeof proof !== 'string' || !PROOF.test(proof))
      throw new Fault('invalid_input', { what: say`this is not a secret to join by` })
    return { sealed: (await joining.use({ id, proof })).toString('base64') }
  })
}
