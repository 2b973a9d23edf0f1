/**
 * AMD 3DNow!: 0F 0F, ModRM, and then the opcode byte (AMD 3DNow! Technology Manual, 21928, appendix).
 * Denali does not execute them; they are here for their lengths and names.
 */
export const THREE_D_NOW = `
0C: pi2fw Pq,Qq | pi2fd Pq,Qq
1C: pf2iw Pq,Qq | pf2id Pq,Qq
8A: pfnacc Pq,Qq
8E: pfpnacc Pq,Qq
90: pfcmpge Pq,Qq
94: pfmin Pq,Qq
96: pfrcp Pq,Qq | pfrsqrt Pq,Qq
9A: pfsub Pq,Qq
9E: pfadd Pq,Qq
A0: pfcmpgt Pq,Qq
A4: pfmax Pq,Qq
A6: pfrcpit1 Pq,Qq | pfrsqit1 Pq,Qq
AA: pfsubr Pq,Qq
AE: pfacc Pq,Qq
B0: pfcmpeq Pq,Qq
B4: pfmul Pq,Qq
B6: pfrcpit2 Pq,Qq | pmulhrw Pq,Qq
BB: pswapd Pq,Qq
BF: pavgusb Pq,Qq
`;
