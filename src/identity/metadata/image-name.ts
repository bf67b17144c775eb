// Names of images, as people write them, and the digests that runtimes tell instead.

/**
 * Whether it is a digest or id alone, as a runtime tells an image that was asked for by digest, as kubelets do, or whose
 * name went to another image: the name that a person wrote says more.
 */
export const isBareDigest = (image: string): boolean => /^(sha256:.*|[0-9a-f]{64})$/.test(image);
