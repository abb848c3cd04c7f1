/** One function a method: check, call, encode. */
import type { DocumentServiceImplementation } from '@hushryd/gen/hushryd/docs/v1/docs.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Caller } from '@hushryd/kernel/rpc/caller.ts'
import type { RpcContext } from '@hushryd/kernel/rpc/server.ts'
import { CONTENT_TYPES, DOCUMENT_TYPES, type Document, type DocumentType } from './document.ts'
import type { DocumentStore } from './document-store.ts'
import { encodeDocument, statesShownAs } from './encode.ts'
import type { Files } from './files.ts'
import { incomingKey } from './object-keys.ts'
import { readPageToken, writePageToken } from './page-token.ts'
import type { Reviews } from './reviews.ts'
import { isAdmin, maySeeAll, mayUse, subjectOf, userIdOf } from './rights.ts'
import { Turns } from './turns.ts'
import type { Uploads } from './uploads.ts'

export interface HandlerParts {
  readonly store: DocumentStore
  readonly uploads: Uploads
  readonly files: Files
  readonly reviews: Reviews
}

const PAGE = 50

/** What is shown before a person chooses a file. */
const NOTICES: Partial<Record<DocumentType, string>> = {
  aadhar:
    'Please upload a masked Aadhaar, which shows only the last four digits of the number: it can be downloaded from myaadhaar.uidai.gov.in.',
}

/** The contract has checked that it is one of them. */
function oneOf<const V extends string>(values: readonly V[], value: string): V {
  const found = values.find((candidate) => candidate === value)
  if (found === undefined) throw new Error('the contract lets a value through that is unknown here')
  return found
}

function documentNotFound(): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_DOCUMENT_NOT_FOUND, 'There is no such document.')
}

export function createHandlers(parts: HandlerParts): DocumentServiceImplementation<RpcContext> {
  const { store, uploads, files, reviews } = parts
  const turns = new Turns()

  /** One that the caller may see; another person's is as good as none. */
  async function getFor(id: string, caller: Caller): Promise<Document> {
    const document = await store.find(id)
    if (document === undefined || document.state === 'deleting' || !mayUse(caller, document)) {
      throw documentNotFound()
    }
    return document
  }

  const encodeFor = (document: Document, caller: Caller) => ({
    document: encodeDocument(document, { forAdmin: isAdmin(caller) }),
  })

  return {
    async createUpload(request, { caller, deadlineMs }) {
      const { fileName, sizeBytes } = request
      const wish = {
        userId: subjectOf(caller, request.userId),
        type: oneOf(DOCUMENT_TYPES, request.documentType),
        fileName,
        contentType: oneOf(CONTENT_TYPES, request.contentType),
        sizeBytes,
        sha256: request.sha256.toLowerCase(),
      }
      const { document, address } = await turns.take(deadlineMs, () => uploads.begin(wish))
      const { url, method, headers, expiresMs } = address
      return {
        documentId: document.id,
        key: incomingKey(document),
        upload: { url, method, headers: { ...headers }, expiresAt: expiresMs },
        notice: NOTICES[document.type] ?? '',
      }
    },

    async completeUpload({ documentId }, { caller, deadlineMs }) {
      const completed = await turns.take(deadlineMs, async () =>
        uploads.complete(await getFor(documentId, caller)),
      )
      return encodeFor(completed, caller)
    },

    async getDocument({ documentId }, { caller }) {
      return encodeFor(await getFor(documentId, caller), caller)
    },

    async getDocumentUrl({ documentId }, { caller }) {
      return await files.link(await getFor(documentId, caller))
    },

    async openDocument({ documentId, reason }, { caller }) {
      const adminId = userIdOf(caller)
      return await files.open(await getFor(documentId, caller), { adminId, reason })
    },

    async deleteDocument({ documentId }, { caller }) {
      const document = await store.find(documentId)
      if (document !== undefined && !mayUse(caller, document)) throw documentNotFound()
      if (document !== undefined) await reviews.delete(document)
      return { documentId }
    },

    async reviewDocument({ documentId, decision, reason }, { caller }) {
      const document = await getFor(documentId, caller)
      const by = userIdOf(caller)
      const reviewed =
        decision === 'approve'
          ? await reviews.approve(document, by)
          : await reviews.reject(document, by, reason)
      return encodeFor(reviewed, caller)
    },

    async listDocuments({ userId, documentType, state, pageSize, pageToken }, { caller }) {
      const isEverybody = maySeeAll(caller) && userId === ''
      const limit = pageSize === 0 ? PAGE : pageSize
      const found = await store.list({
        userId: isEverybody ? undefined : subjectOf(caller, userId),
        type: documentType === '' ? undefined : oneOf(DOCUMENT_TYPES, documentType),
        states: statesShownAs(state),
        after: readPageToken(pageToken),
        limit: limit + 1,
      })
      const page = found.slice(0, limit)
      const last = found.length > limit ? page.at(-1) : undefined
      return {
        documents: page.map((document) => encodeDocument(document, { forAdmin: isAdmin(caller) })),
        nextPageToken: last === undefined ? '' : writePageToken(last),
      }
    },
  }
}
