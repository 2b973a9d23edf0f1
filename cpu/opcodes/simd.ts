/**
 * MMX and SSE to SSE4.2, AES, SHA (Intel SDM vol. 2, tables ), and the integer instructions
 * that live in their maps (MOVBE, CRC32, ADX). The lines of one opcode row stand together, one for each
 * mandatory prefix. Notation: see notation.ts.
 */

/** Additions to the two-byte map. */
export const SIMD = `
10 np: movups Vps,Wps | movups Wps,Vps | movlps Vps,Mq | movlps Mq,Vps
14 np: unpcklps Vps,Wps | unpckhps Vps,Wps | movhps Vps,Mq | movhps Mq,Vps
12 r np: movhlps Vps,Ups
16 r np: movlhps Vps,Ups
10 66: movupd Vpd,Wpd | movupd Wpd,Vpd | movlpd Vpd,Mq | movlpd Mq,Vpd
14 66: unpcklpd Vpd,Wpd | unpckhpd Vpd,Wpd | movhpd Vpd,Mq | movhpd Mq,Vpd
10 F3: movss Vss,Wss | movss Wss,Vss | movsldup Vps,Wps
16 F3: movshdup Vps,Wps
10 F2: movsd Vsd,Wsd | movsd Wsd,Vsd | movddup Vpd,Wq

28 np: movaps Vps,Wps | movaps Wps,Vps | cvtpi2ps Vps,Qq | movntps Mps,Vps
2C np: cvttps2pi Pq,Wq | cvtps2pi Pq,Wq | ucomiss Vss,Wss | comiss Vss,Wss
28 66: movapd Vpd,Wpd | movapd Wpd,Vpd | cvtpi2pd Vpd,Qq | movntpd Mpd,Vpd
2C 66: cvttpd2pi Pq,Wpd | cvtpd2pi Pq,Wpd | ucomisd Vsd,Wsd | comisd Vsd,Wsd
2A F3: cvtsi2ss Vss,Ed | movntss Mss,Vss | cvttss2si Gd,Wss | cvtss2si Gd,Wss
2A F2: cvtsi2sd Vsd,Ed | movntsd Msd,Vsd | cvttsd2si Gd,Wsd | cvtsd2si Gd,Wsd

50 np: movmskps Gd,Ups | sqrtps Vps,Wps | rsqrtps Vps,Wps | rcpps Vps,Wps
54 np: andps Vps,Wps | andnps Vps,Wps | orps Vps,Wps | xorps Vps,Wps
50 66: movmskpd Gd,Upd | sqrtpd Vpd,Wpd | - | -
54 66: andpd Vpd,Wpd | andnpd Vpd,Wpd | orpd Vpd,Wpd | xorpd Vpd,Wpd
51 F3: sqrtss Vss,Wss | rsqrtss Vss,Wss | rcpss Vss,Wss
51 F2: sqrtsd Vsd,Wsd
58 np: addps Vps,Wps | mulps Vps,Wps | cvtps2pd Vpd,Wq | cvtdq2ps Vps,Wdq
5C np: subps Vps,Wps | minps Vps,Wps | divps Vps,Wps | maxps Vps,Wps
58 66: addpd Vpd,Wpd | mulpd Vpd,Wpd | cvtpd2ps Vps,Wpd | cvtps2dq Vdq,Wps
5C 66: subpd Vpd,Wpd | minpd Vpd,Wpd | divpd Vpd,Wpd | maxpd Vpd,Wpd
58 F3: addss Vss,Wss | mulss Vss,Wss | cvtss2sd Vsd,Wss | cvttps2dq Vdq,Wps
5C F3: subss Vss,Wss | minss Vss,Wss | divss Vss,Wss | maxss Vss,Wss
58 F2: addsd Vsd,Wsd | mulsd Vsd,Wsd | cvtsd2ss Vss,Wsd | -
5C F2: subsd Vsd,Wsd | minsd Vsd,Wsd | divsd Vsd,Wsd | maxsd Vsd,Wsd

60 np: punpcklbw Pq,Qd | punpcklwd Pq,Qd | punpckldq Pq,Qd | packsswb Pq,Qq
64 np: pcmpgtb Pq,Qq | pcmpgtw Pq,Qq | pcmpgtd Pq,Qq | packuswb Pq,Qq
60 66: punpcklbw Vdq,Wdq | punpcklwd Vdq,Wdq | punpckldq Vdq,Wdq | packsswb Vdq,Wdq
64 66: pcmpgtb Vdq,Wdq | pcmpgtw Vdq,Wdq | pcmpgtd Vdq,Wdq | packuswb Vdq,Wdq
68 np: punpckhbw Pq,Qq | punpckhwd Pq,Qq | punpckhdq Pq,Qq | packssdw Pq,Qq
6C np: - | - | movd Pd,Ed | movq Pq,Qq
68 66: punpckhbw Vdq,Wdq | punpckhwd Vdq,Wdq | punpckhdq Vdq,Wdq | packssdw Vdq,Wdq
6C 66: punpcklqdq Vdq,Wdq | punpckhqdq Vdq,Wdq | movd Vdq,Ed | movdqa Vdq,Wdq
6F F3: movdqu Vdq,Wdq

# 71 to 73: groups 12 to 14
70 np: pshufw Pq,Qq,Ib
70 66: pshufd Vdq,Wdq,Ib
70 F3: pshufhw Vdq,Wdq,Ib
70 F2: pshuflw Vdq,Wdq,Ib
71 /2r np: psrlw Nq,Ib | - | psraw Nq,Ib | - | psllw Nq,Ib
71 /2r 66: psrlw Udq,Ib | - | psraw Udq,Ib | - | psllw Udq,Ib
72 /2r np: psrld Nq,Ib | - | psrad Nq,Ib | - | pslld Nq,Ib
72 /2r 66: psrld Udq,Ib | - | psrad Udq,Ib | - | pslld Udq,Ib
73 /2r np: psrlq Nq,Ib | - | - | - | psllq Nq,Ib
73 /2r 66: psrlq Udq,Ib | psrldq Udq,Ib | - | - | psllq Udq,Ib | pslldq Udq,Ib
74 np: pcmpeqb Pq,Qq | pcmpeqw Pq,Qq | pcmpeqd Pq,Qq | emms
74 66: pcmpeqb Vdq,Wdq | pcmpeqw Vdq,Wdq | pcmpeqd Vdq,Wdq
# SSE4a
78 /0r 66: extrq Udq,Ib,Ib
79 66: extrq Vdq,Udq
78 F2: insertq Vdq,Udq,Ib,Ib | insertq Vdq,Udq
7C 66: haddpd Vpd,Wpd | hsubpd Vpd,Wpd
7C F2: haddps Vps,Wps | hsubps Vps,Wps
7E np: movd Ed,Pd | movq Qq,Pq
7E 66: movd Ed,Vdq | movdqa Wdq,Vdq
7E F3: movq Vdq,Wq | movdqu Wdq,Vdq

C2 np: cmpps Vps,Wps,Ib
C2 66: cmppd Vpd,Wpd,Ib
C2 F3: cmpss Vss,Wss,Ib
C2 F2: cmpsd Vsd,Wsd,Ib
C4 np: pinsrw Pq,Rd/Mw,Ib | pextrw Gd,Nq,Ib | shufps Vps,Wps,Ib
C4 66: pinsrw Vdq,Rd/Mw,Ib | pextrw Gd,Udq,Ib | shufpd Vpd,Wpd,Ib

D0 np: - | psrlw Pq,Qq | psrld Pq,Qq | psrlq Pq,Qq | paddq Pq,Qq | pmullw Pq,Qq | - | pmovmskb Gd,Nq
D0 66: addsubpd Vpd,Wpd | psrlw Vdq,Wdq | psrld Vdq,Wdq | psrlq Vdq,Wdq
D4 66: paddq Vdq,Wdq | pmullw Vdq,Wdq | movq Wq,Vdq | pmovmskb Gd,Udq
D6 F3: movq2dq Vdq,Nq
D0 F2: addsubps Vps,Wps
D6 F2: movdq2q Pq,Udq
D8 np: psubusb Pq,Qq | psubusw Pq,Qq | pminub Pq,Qq | pand Pq,Qq
DC np: paddusb Pq,Qq | paddusw Pq,Qq | pmaxub Pq,Qq | pandn Pq,Qq
D8 66: psubusb Vdq,Wdq | psubusw Vdq,Wdq | pminub Vdq,Wdq | pand Vdq,Wdq
DC 66: paddusb Vdq,Wdq | paddusw Vdq,Wdq | pmaxub Vdq,Wdq | pandn Vdq,Wdq
E0 np: pavgb Pq,Qq | psraw Pq,Qq | psrad Pq,Qq | pavgw Pq,Qq
E4 np: pmulhuw Pq,Qq | pmulhw Pq,Qq | - | movntq Mq,Pq
E0 66: pavgb Vdq,Wdq | psraw Vdq,Wdq | psrad Vdq,Wdq | pavgw Vdq,Wdq
E4 66: pmulhuw Vdq,Wdq | pmulhw Vdq,Wdq | cvttpd2dq Vdq,Wpd | movntdq Mdq,Vdq
E6 F3: cvtdq2pd Vpd,Wq
E6 F2: cvtpd2dq Vdq,Wpd
E8 np: psubsb Pq,Qq | psubsw Pq,Qq | pminsw Pq,Qq | por Pq,Qq
EC np: paddsb Pq,Qq | paddsw Pq,Qq | pmaxsw Pq,Qq | pxor Pq,Qq
E8 66: psubsb Vdq,Wdq | psubsw Vdq,Wdq | pminsw Vdq,Wdq | por Vdq,Wdq
EC 66: paddsb Vdq,Wdq | paddsw Vdq,Wdq | pmaxsw Vdq,Wdq | pxor Vdq,Wdq
F0 np: - | psllw Pq,Qq | pslld Pq,Qq | psllq Pq,Qq
F4 np: pmuludq Pq,Qq | pmaddwd Pq,Qq | psadbw Pq,Qq | maskmovq Pq,Nq
F0 66: - | psllw Vdq,Wdq | pslld Vdq,Wdq | psllq Vdq,Wdq
F4 66: pmuludq Vdq,Wdq | pmaddwd Vdq,Wdq | psadbw Vdq,Wdq | maskmovdqu Vdq,Udq
F0 F2: lddqu Vdq,Mdq
F8 np: psubb Pq,Qq | psubw Pq,Qq | psubd Pq,Qq
FB np: psubq Pq,Qq | paddb Pq,Qq | paddw Pq,Qq | paddd Pq,Qq
F8 66: psubb Vdq,Wdq | psubw Vdq,Wdq | psubd Vdq,Wdq
FB 66: psubq Vdq,Wdq | paddb Vdq,Wdq | paddw Vdq,Wdq | paddd Vdq,Wdq
`;

/** The map behind 0F 38: SSSE3, SSE4.1, SSE4.2, AES, SHA. */
export const SIMD_0F38 = `
00 np: pshufb Pq,Qq | phaddw Pq,Qq | phaddd Pq,Qq | phaddsw Pq,Qq
04 np: pmaddubsw Pq,Qq | phsubw Pq,Qq | phsubd Pq,Qq | phsubsw Pq,Qq
00 66: pshufb Vdq,Wdq | phaddw Vdq,Wdq | phaddd Vdq,Wdq | phaddsw Vdq,Wdq
04 66: pmaddubsw Vdq,Wdq | phsubw Vdq,Wdq | phsubd Vdq,Wdq | phsubsw Vdq,Wdq
08 np: psignb Pq,Qq | psignw Pq,Qq | psignd Pq,Qq | pmulhrsw Pq,Qq
08 66: psignb Vdq,Wdq | psignw Vdq,Wdq | psignd Vdq,Wdq | pmulhrsw Vdq,Wdq
10 66: pblendvb Vdq,Wdq | - | - | - | blendvps Vps,Wps | blendvpd Vpd,Wpd | - | ptest Vdq,Wdq
1C np: pabsb Pq,Qq | pabsw Pq,Qq | pabsd Pq,Qq
1C 66: pabsb Vdq,Wdq | pabsw Vdq,Wdq | pabsd Vdq,Wdq
20 66: pmovsxbw Vdq,Wq | pmovsxbd Vdq,Wd | pmovsxbq Vdq,Ww
23 66: pmovsxwd Vdq,Wq | pmovsxwq Vdq,Wd | pmovsxdq Vdq,Wq
28 66: pmuldq Vdq,Wdq | pcmpeqq Vdq,Wdq | movntdqa Vdq,Mdq | packusdw Vdq,Wdq
30 66: pmovzxbw Vdq,Wq | pmovzxbd Vdq,Wd | pmovzxbq Vdq,Ww | pmovzxwd Vdq,Wq
34 66: pmovzxwq Vdq,Wd | pmovzxdq Vdq,Wq | - | pcmpgtq Vdq,Wdq
38 66: pminsb Vdq,Wdq | pminsd Vdq,Wdq | pminuw Vdq,Wdq | pminud Vdq,Wdq
3C 66: pmaxsb Vdq,Wdq | pmaxsd Vdq,Wdq | pmaxuw Vdq,Wdq | pmaxud Vdq,Wdq
40 66: pmulld Vdq,Wdq | phminposuw Vdq,Wdq
80 66: invept Gd,Mdq | invvpid Gd,Mdq | invpcid Gd,Mdq
C8 np: sha1nexte Vdq,Wdq | sha1msg1 Vdq,Wdq | sha1msg2 Vdq,Wdq
CB np: sha256rnds2 Vdq,Wdq | sha256msg1 Vdq,Wdq | sha256msg2 Vdq,Wdq
CF 66: gf2p8mulb Vdq,Wdq
DB 66: aesimc Vdq,Wdq | aesenc Vdq,Wdq | aesenclast Vdq,Wdq | aesdec Vdq,Wdq | aesdeclast Vdq,Wdq
F0 np: movbe Gv,Mv | movbe Mv,Gv
F0 66: movbe Gv,Mv | movbe Mv,Gv
F0 F2: crc32 Gd,Eb | crc32 Gd,Ev
F5 66: wrussd Md,Gd | adcx Gd,Ed
F6 np: wrssd Md,Gd
F6 F3: adox Gd,Ed
F8 66: movdir64b Gd,M
F8 F2: enqcmd Gd,M
F8 F3: enqcmds Gd,M
F9 np: movdiri Md,Gd
`;

/** The map behind 0F 3A: SSSE3, SSE4.1, SSE4.2, AES, PCLMULQDQ, SHA, GFNI. */
export const SIMD_0F3A = `
08 66: roundps Vps,Wps,Ib | roundpd Vpd,Wpd,Ib | roundss Vss,Wss,Ib | roundsd Vsd,Wsd,Ib
0C 66: blendps Vps,Wps,Ib | blendpd Vpd,Wpd,Ib | pblendw Vdq,Wdq,Ib | palignr Vdq,Wdq,Ib
0F np: palignr Pq,Qq,Ib
14 66: pextrb Rd/Mb,Vdq,Ib | pextrw Rd/Mw,Vdq,Ib | pextrd Ed,Vdq,Ib | extractps Ed,Vps,Ib
20 66: pinsrb Vdq,Rd/Mb,Ib | insertps Vps,Wss,Ib | pinsrd Vdq,Ed,Ib
40 66: dpps Vps,Wps,Ib | dppd Vpd,Wpd,Ib | mpsadbw Vdq,Wdq,Ib | - | pclmulqdq Vdq,Wdq,Ib
60 66: pcmpestrm Vdq,Wdq,Ib | pcmpestri Vdq,Wdq,Ib | pcmpistrm Vdq,Wdq,Ib | pcmpistri Vdq,Wdq,Ib
CC np: sha1rnds4 Vdq,Wdq,Ib
CE 66: gf2p8affineqb Vdq,Wdq,Ib | gf2p8affineinvqb Vdq,Wdq,Ib
DF 66: aeskeygenassist Vdq,Wdq,Ib
`;
