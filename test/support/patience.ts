// How much longer than on an ordinary machine everything may take: an emulated one is ten times slower.
export const PATIENCE = Number(process.env.TEST_PATIENCE ?? 1);
