/**
 * The bodies that a service parses: JSON, strictly, and any other type as bytes; never forms or multipart.
 */
import type { IncomingMessage } from 'node:http'
import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

/** Replaces Fastify's parsers. The content types of an operation decide whether it accepts bytes. */
export function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: IncomingMessage) => {
    const body = await readBytes(request, payload)
    return body.length === 0 ? undefined : parseStrictJson(body)
  })
  app.addContentTypeParser('*', readBytes)
}

/**
 * For `addContentTypeParser`, in the place of `parseAs`, which keeps each chunk as it came. As Fastify does,
 * it refuses a body above the route's limit and one of another length than it declares.
 */
export function readBytes(request: FastifyRequest, payload: IncomingMessage): Promise<Buffer> {
  const most = request.routeOptions.bodyLimit
  const declared = Number(request.headers['content-length'])
  const tooLarge = (): Error => new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE()
  if (declared > most) return Promise.reject(tooLarge())
  const { write, bytes } = collectBytes(most, tooLarge)
  return new Promise((resolve, reject) => {
    // Without being paused: what is not taken flows away until the answer ends the connection.
    const stop = (): void => {
      payload.off('data', onData).off('end', onEnd).off('error', onError)
    }
    const onData = (chunk: Buffer): void => {
      try {
        write(chunk)
      } catch (thrown) {
        stop()
        reject(thrown)
      }
    }
    const onEnd = (): void => {
      stop()
      const body = bytes()
      if (Number.isNaN(declared) || body.length === declared) resolve(body)
      else reject(new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH())
    }
    const onError = (cause: Error): void => {
      stop()
      reject(Object.assign(cause, { statusCode: 400 }))
    }
    payload.on('data', onData).on('end', onEnd).on('error', onError)
    payload.resume()
  })
}

/** The body of an operation that accepts bytes; throws `invalid_input` if there is none. */
export function bodyBytes(body: unknown): Buffer {
  if (Buffer.isBuffer(body) && body.length > 0) return body
  throw new Fault('invalid_input', { what: say`a body is needed` })
}
