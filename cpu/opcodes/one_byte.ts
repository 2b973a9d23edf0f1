/** The one-byte opcode map (Intel SDM vol. 2, table ). Notation: see notation.ts. */
export const ONE_BYTE = `
00: add Eb,Gb lock | add Ev,Gv lock | add Gb,Eb | add Gv,Ev
04: add AL,Ib | add eAX,Iz | push ES | pop ES
08: or Eb,Gb lock  | or Ev,Gv lock  | or Gb,Eb  | or Gv,Ev  | or AL,Ib  | or eAX,Iz  | push CS   # 0F: escape
10: adc Eb,Gb lock | adc Ev,Gv lock | adc Gb,Eb | adc Gv,Ev
14: adc AL,Ib | adc eAX,Iz | push SS | pop SS
18: sbb Eb,Gb lock | sbb Ev,Gv lock | sbb Gb,Eb | sbb Gv,Ev
1C: sbb AL,Ib | sbb eAX,Iz | push DS | pop DS
20: and Eb,Gb lock | and Ev,Gv lock | and Gb,Eb | and Gv,Ev | and AL,Ib | and eAX,Iz | - | daa   # 26: ES
28: sub Eb,Gb lock | sub Ev,Gv lock | sub Gb,Eb | sub Gv,Ev | sub AL,Ib | sub eAX,Iz | - | das   # 2E: CS
30: xor Eb,Gb lock | xor Ev,Gv lock | xor Gb,Eb | xor Gv,Ev | xor AL,Ib | xor eAX,Iz | - | aaa   # 36: SS
38: cmp Eb,Gb      | cmp Ev,Gv      | cmp Gb,Eb | cmp Gv,Ev | cmp AL,Ib | cmp eAX,Iz | - | aas   # 3E: DS
40..47: inc Zv
48..4F: dec Zv
50..57: push Zv
58..5F: pop Zv
60: pusha | popa | bound Gv,Ma | arpl Ew,Gw          # 64..67: FS, GS, operand size, address size
68: push Iz | imul Gv,Ev,Iz | push Ibs | imul Gv,Ev,Ibs | insb | insw/insl | outsb | outsw/outsl
70: jo Jb | jno Jb | jb Jb | jae Jb | je Jb | jne Jb | jbe Jb | ja Jb
78: js Jb | jns Jb | jp Jb | jnp Jb | jl Jb | jge Jb | jle Jb | jg Jb

# group 1; 82 is an alias of 80
80 /0: add Eb,Ib lock | or Eb,Ib lock | adc Eb,Ib lock | sbb Eb,Ib lock
80 /4: and Eb,Ib lock | sub Eb,Ib lock | xor Eb,Ib lock | cmp Eb,Ib
81 /0: add Ev,Iz lock | or Ev,Iz lock | adc Ev,Iz lock | sbb Ev,Iz lock
81 /4: and Ev,Iz lock | sub Ev,Iz lock | xor Ev,Iz lock | cmp Ev,Iz
82 /0: add Eb,Ib lock | or Eb,Ib lock | adc Eb,Ib lock | sbb Eb,Ib lock
82 /4: and Eb,Ib lock | sub Eb,Ib lock | xor Eb,Ib lock | cmp Eb,Ib
83 /0: add Ev,Ibs lock | or Ev,Ibs lock | adc Ev,Ibs lock | sbb Ev,Ibs lock
83 /4: and Ev,Ibs lock | sub Ev,Ibs lock | xor Ev,Ibs lock | cmp Ev,Ibs

84: test Eb,Gb | test Ev,Gv | xchg Eb,Gb lock | xchg Ev,Gv lock
88: mov Eb,Gb | mov Ev,Gv | mov Gb,Eb | mov Gv,Ev
8C /0: mov Rv/Mw,Sw | mov Rv/Mw,Sw | mov Rv/Mw,Sw | mov Rv/Mw,Sw | mov Rv/Mw,Sw | mov Rv/Mw,Sw
8D: lea Gv,M
8E /0: mov Sw,Rv/Mw | - | mov Sw,Rv/Mw | mov Sw,Rv/Mw | mov Sw,Rv/Mw | mov Sw,Rv/Mw   # never CS
8F /0: pop Ev
90: nop
90 F3: pause
91..97: xchg Zv,eAX
98: cbw/cwde | cwd/cdq | callf Ap | fwait | pushf | popf | sahf | lahf
A0: mov AL,Ob | mov eAX,Ov | mov Ob,AL | mov Ov,eAX | movsb | movsw/movsl | cmpsb | cmpsw/cmpsl
A8: test AL,Ib | test eAX,Iz | stosb | stosw/stosl | lodsb | lodsw/lodsl | scasb | scasw/scasl
B0..B7: mov Zb,Ib
B8..BF: mov Zv,Iz

# group 2; /6 is an alias of /4
C0 /0: rol Eb,Ib | ror Eb,Ib | rcl Eb,Ib | rcr Eb,Ib | shl Eb,Ib | shr Eb,Ib | shl Eb,Ib | sar Eb,Ib
C1 /0: rol Ev,Ib | ror Ev,Ib | rcl Ev,Ib | rcr Ev,Ib | shl Ev,Ib | shr Ev,Ib | shl Ev,Ib | sar Ev,Ib
D0 /0: rol Eb,1  | ror Eb,1  | rcl Eb,1  | rcr Eb,1  | shl Eb,1  | shr Eb,1  | shl Eb,1  | sar Eb,1
D1 /0: rol Ev,1  | ror Ev,1  | rcl Ev,1  | rcr Ev,1  | shl Ev,1  | shr Ev,1  | shl Ev,1  | sar Ev,1
D2 /0: rol Eb,CL | ror Eb,CL | rcl Eb,CL | rcr Eb,CL | shl Eb,CL | shr Eb,CL | shl Eb,CL | sar Eb,CL
D3 /0: rol Ev,CL | ror Ev,CL | rcl Ev,CL | rcr Ev,CL | shl Ev,CL | shr Ev,CL | shl Ev,CL | sar Ev,CL

C2: ret Iw | ret | les Gv,Mp | lds Gv,Mp
# group 11, and the two RTM instructions in it
C6 /0: mov Eb,Ib
C7 /0: mov Ev,Iz
C6 /7.0: xabort Ib
C7 /7.0: xbegin Jz
C8: enter Iw,Ib | leave | retf Iw | retf | int3 | int Ib | into | iret
D4: aam Ib | aad Ib | salc | xlat                    # D8..DF: see x87.ts
E0: loopne Jb | loope Jb | loop Jb | jecxz Jb | in AL,Ib | in eAX,Ib | out Ib,AL | out Ib,eAX
E8: call Jz | jmp Jz | jmpf Ap | jmp Jb | in AL,DX | in eAX,DX | out DX,AL | out DX,eAX
F0: - | int1 | - | - | hlt | cmc                      # F0, F2, F3: LOCK, REPNE, REP

# group 3; /1 is an alias of /0
F6 /0: test Eb,Ib | test Eb,Ib | not Eb lock | neg Eb lock | mul Eb | imul Eb | div Eb | idiv Eb
F7 /0: test Ev,Iz | test Ev,Iz | not Ev lock | neg Ev lock | mul Ev | imul Ev | div Ev | idiv Ev
F8: clc | stc | cli | sti | cld | std
# groups 4 and 5
FE /0: inc Eb lock | dec Eb lock
FF /0: inc Ev lock | dec Ev lock | call Ev | callf Mp | jmp Ev | jmpf Mp | push Ev
`;
