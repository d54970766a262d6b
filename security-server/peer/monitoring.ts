/**
 * What a question to a monitoring service of this server is handed to; the list of features passes the
 * implementation in.
 */
import type { BodyWriter } from '../message/body.ts'
import type { Request, SystemAnswer } from '../message/message.ts'

/** A verified, allowed and logged question in SOAP. */
export type MonitoringRequest = {
  request: Request
  /** The bytes of the message: the question is in them. */
  message: Buffer
  /** Opens a body for the answer. */
  spool(): BodyWriter
}

export type MonitoringServices = {
  /** Reads only. What cannot be answered is thrown as a fault. */
  answer(request: MonitoringRequest): Promise<SystemAnswer>
}
