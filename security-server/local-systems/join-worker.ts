/** The worker thread of join-wsdl.ts. */
import { type JoinQuestion, joinDocuments } from '#core/wsdl/join-documents.ts'
import { answerAsThread } from '#platform/threads/answer-as-thread.ts'

answerAsThread(async (question: JoinQuestion) => joinDocuments(question))
